//! Installing from an HTTP server that misbehaves.

use crate::server::{Manner, Server};
use crate::{Workshop, error_of};

const KEY: [&str; 2] = ["--key", "acme.pub.pem"];

/// A workshop with a package, and a server of it.
fn scene(manner: Manner) -> (Workshop, Server) {
    let workshop = Workshop::of("families/qwen2");
    let server = Server::new(manner, workshop.pack(1, "m"));
    (workshop, server)
}

fn install(workshop: &Workshop, server: &Server) -> serde_json::Value {
    workshop.run(&["install", &server.url(), KEY[0], KEY[1]])
}

fn refuse(workshop: &Workshop, server: &Server) -> serde_json::Value {
    let error = workshop.fail(&["install", &server.url(), KEY[0], KEY[1]]);
    assert!(!workshop.has_model("m"), "{error}");
    assert!(!error.to_string().contains("secret"), "the query is not shown: {error}");
    error
}

#[test]
fn in_04_a_connection_that_is_cut_again_and_again_is_continued_where_it_was_cut() {
    let workshop = Workshop::of("families/qwen2");
    let package = workshop.pack(1, "m");
    for pieces in [1, 2, 7, 40, 200] {
        let server = Server::new(Manner::CutsAfter(package.len().div_ceil(pieces)), package.clone());
        install(&workshop, &server);
        workshop.run(&["verify", "m"]);
        workshop.run(&["remove", "m"]);
        // Nothing is sent twice.
        assert!(server.requests() >= pieces && server.sent_bytes() <= package.len() as u64, "{pieces}");
    }
}

#[test]
fn a_server_without_ranges_is_read_from_its_start() {
    let (workshop, server) = scene(Manner::WithoutRanges);
    install(&workshop, &server);
    let package = std::fs::read(workshop.path("m.wwpkg")).unwrap();
    let server = Server::new(Manner::WithoutRangesAndCuts(package.len() / 2), package);
    workshop.run(&["remove", "m"]);
    install(&workshop, &server);
    workshop.run(&["verify", "m"]);
    assert_eq!(server.requests(), 3);
}

#[test]
fn in_04_a_file_that_changes_in_between_is_not_spliced() {
    let workshop = Workshop::of("families/qwen2");
    let package = workshop.pack(1, "m");
    for same_length in [true, false] {
        let server = Server::new(Manner::CutsAfter(package.len() / 2), package.clone());
        let mut other = package.iter().rev().copied().collect::<Vec<_>>();
        other.truncate(if same_length { package.len() } else { package.len() - 1 });
        server.change_to(other);
        assert_eq!(refuse(&workshop, &server)["code"], "http_changed");
    }
    install(&workshop, &Server::new(Manner::Proper, package));
}

#[test]
fn answers_that_lie_are_errors_or_do_not_matter() {
    let (workshop, server) = scene(Manner::WrongRange);
    assert_eq!(refuse(&workshop, &server)["code"], "http_answer");
    let package = std::fs::read(workshop.path("m.wwpkg")).unwrap();
    // The end is where the signed index says.
    install(&workshop, &Server::new(Manner::SaysMore, package.clone()));
    workshop.run(&["remove", "m"]);
    let server = Server::new(Manner::SaysLess, package);
    assert_eq!(refuse(&workshop, &server)["code"], "http_connection");
}

#[test]
fn statuses_are_retried_only_where_that_can_help() {
    let (workshop, server) = scene(Manner::FailsTwice(503));
    install(&workshop, &server);
    assert_eq!(server.requests(), 3);
    workshop.run(&["remove", "m"]);
    for status in [401, 403, 404, 410] {
        let server = Server::new(Manner::Status(status), Vec::new());
        let error = refuse(&workshop, &server);
        assert_eq!(error["code"], "http_status");
        assert!(error["message"].as_str().unwrap().contains(&status.to_string()), "{error}");
        assert_eq!(server.requests(), 1);
    }
}

#[test]
fn in_10_a_redirect_from_an_unencrypted_address_is_not_followed() {
    let (workshop, server) = scene(Manner::Redirects);
    assert_eq!(refuse(&workshop, &server)["code"], "http_redirect");
    assert_eq!(workshop.fail(&["install", "http://example.org/m.wwpkg"])["code"], "http_unencrypted");
    assert_eq!(workshop.fail(&["install", "ftp://example.org/m.wwpkg"])["code"], "http_scheme");
    assert_eq!(workshop.fail(&["install", "http://127.0.0.1:1/m.wwpkg"])["code"], "http_connection");
}

#[test]
fn pk_08_a_url_needs_a_signature_that_is_trusted_before_anything_but_the_head_is_read() {
    let (workshop, server) = scene(Manner::Proper);
    assert_eq!(workshop.fail(&["install", &server.url()])["code"], "signature_required");
    assert_eq!(
        workshop.run(&["install", &server.url(), "--trust", "warn"])["signature"]["state"],
        "unknown_key"
    );
}

#[cfg(unix)]
#[test]
fn in_04_ctrl_c_pauses_and_the_same_command_goes_on() {
    let workshop = Workshop::of("tiny-r1");
    let package = workshop.pack(1, "m");
    // Some chunks arrive, then the line is dead.
    let server = Server::new(Manner::StallsAfter(package.len() * 4 / 5), package.clone());
    let mut child = workshop
        .command(&["install", &server.url(), KEY[0], KEY[1], "--json", "--timeout", "1"])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let has_a_chunk =
        || workshop.installed().iter().any(|line| line["bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    while server.sent_bytes() == 0 || !has_a_chunk() {
        assert!(child.try_wait().unwrap().is_none(), "it waits for the rest");
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(error_of(&output)["code"], "paused");
    assert!(!workshop.has_model("m"));
    assert_eq!(workshop.installed()[0]["event"], "Partial");

    let server = Server::new(Manner::Proper, package.clone());
    let report = install(&workshop, &server);
    let received = report["received_bytes"].as_u64().unwrap();
    assert!(received < package.len() as u64, "{report}");
    workshop.run(&["verify", "m"]);
}
