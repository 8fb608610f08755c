//! `https` against a server of our own. The command has no switch for certificates: the test names its own to the
//! system's trust (`SSL_CERT_FILE`), as an administrator does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::{Manner, Server};
use crate::{Workshop, error_of};

/// A certificate for `localhost`, which nobody trusts yet, and what serves with it.
fn certificate() -> (String, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), Arc::new(config))
}

/// Answers every request with these bytes; returns the URL.
fn serve(config: Arc<ServerConfig>, answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            // A client that goes away is none of the server's business.
            let _ = respond(&mut stream, &answer);
        }
    });
    format!("https://localhost:{port}/m.wwpkg")
}

fn respond(stream: &mut (impl Read + Write), answer: &[u8]) -> std::io::Result<()> {
    for line in BufReader::new(&mut *stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    stream.write_all(answer)?;
    stream.flush()
}

fn package(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 X\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

#[test]
fn in_10_https_is_followed_to_https_and_never_to_http() {
    let workshop = Workshop::of("families/qwen2");
    let body = workshop.pack(1, "m");
    let (pem, config) = certificate();
    std::fs::write(workshop.path("ca.pem"), pem).unwrap();
    let install = |url: &str| {
        let mut command = workshop.command(&["install", url, "--key", "acme.pub.pem", "--json"]);
        command.env("SSL_CERT_FILE", workshop.path("ca.pem")).output().unwrap()
    };

    let plain = Server::new(Manner::Proper, body.clone());
    let downgrade = serve(Arc::clone(&config), redirect(&plain.url()));
    assert_eq!(error_of(&install(&downgrade))["code"], "http_redirect");
    assert_eq!(plain.requests(), 0, "not even asked");
    assert!(!workshop.has_model("m"));

    let encrypted = serve(Arc::clone(&config), package(&body));
    let installed = install(&serve(config, redirect(&encrypted)));
    assert!(installed.status.success(), "{installed:?}");
    workshop.run(&["verify", "m"]);
}

#[test]
fn pk_08_a_server_whose_certificate_is_not_trusted_is_not_read() {
    let workshop = Workshop::of("families/qwen2");
    let body = workshop.pack(1, "m");
    let url = serve(certificate().1, package(&body));
    std::fs::write(workshop.path("ca.pem"), certificate().0).unwrap();
    let mut command = workshop.command(&["install", &url, "--key", "acme.pub.pem", "--json"]);
    let error = error_of(&command.env("SSL_CERT_FILE", workshop.path("ca.pem")).output().unwrap());
    assert_eq!(error["code"], "http_certificate");
    assert!(!workshop.has_model("m"));
}
