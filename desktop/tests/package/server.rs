//! A small HTTP server of our own on loopback, with the faults that real ones have.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// How a server answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// By the rules.
    Proper,
    /// Closes the connection after so many bytes of each body.
    CutsAfter(usize),
    /// Knows no ranges: always everything.
    WithoutRanges,
    /// Knows no ranges, and cuts the first two answers short.
    WithoutRangesAndCuts(usize),
    /// Sends another range than the one that was asked for.
    WrongRange,
    /// Says that the body is longer than it is, and closes.
    SaysMore,
    /// Says that the body is shorter than it is.
    SaysLess,
    /// Nothing but this status.
    Status(u16),
    /// This status twice, then by the rules.
    FailsTwice(u16),
    /// Leads somewhere else.
    Redirects,
    /// Sends so many bytes of the body, then nothing more.
    StallsAfter(usize),
}

/// A server that ends with the test's process.
pub(crate) struct Server {
    address: String,
    state: Arc<State>,
}

struct State {
    manner: Manner,
    /// What is served, with its entity tag.
    file: Mutex<(Vec<u8>, String)>,
    /// Served instead from the second request on.
    next: Mutex<Option<(Vec<u8>, String)>>,
    requests: AtomicUsize,
    sent_bytes: AtomicU64,
}

impl Server {
    /// Serves a file.
    pub(crate) fn new(manner: Manner, file: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State {
            manner,
            file: Mutex::new((file, "\"one\"".to_owned())),
            next: Mutex::new(None),
            requests: AtomicUsize::new(0),
            sent_bytes: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // A client that goes away is none of the server's business.
                thread::spawn(move || drop(state.serve(stream)));
            }
        });
        Self { address, state }
    }

    /// Serves another file from the second request on.
    pub(crate) fn change_to(&self, file: Vec<u8>) {
        *self.state.next.lock().unwrap() = Some((file, "\"two\"".to_owned()));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/model.wwpkg?token=secret", self.address)
    }

    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Bytes of bodies.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.state.sent_bytes.load(Ordering::SeqCst)
    }
}

impl State {
    /// One request, one answer, and the connection is closed.
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut start = None;
        for line in BufReader::new(&stream).lines() {
            let line = line?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(range) = line.strip_prefix("range: bytes=") {
                start = range.trim_end_matches('-').parse::<usize>().ok();
            }
        }
        let request = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        if request == 2
            && let Some(next) = self.next.lock().unwrap().take()
        {
            *self.file.lock().unwrap() = next;
        }
        let (file, tag) = self.file.lock().unwrap().clone();
        let status = match self.manner {
            Manner::Status(status) => Some(status),
            Manner::FailsTwice(status) if request <= 2 => Some(status),
            Manner::Redirects => Some(302),
            _ => None,
        };
        if let Some(status) = status {
            return write!(
                stream,
                "HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        let knows_ranges = !matches!(self.manner, Manner::WithoutRanges | Manner::WithoutRangesAndCuts(_));
        let start = start.filter(|_| knows_ranges);
        let length = file.len();
        if start.is_some_and(|start| start >= length) {
            return write!(
                stream,
                "HTTP/1.1 416 X\r\nContent-Range: bytes */{length}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        let mut body = &file[start.unwrap_or(0)..];
        let mut told = body.len();
        match self.manner {
            Manner::CutsAfter(bytes) | Manner::StallsAfter(bytes) => body = &body[..bytes.min(body.len())],
            Manner::WithoutRangesAndCuts(bytes) if request <= 2 => body = &body[..bytes.min(body.len())],
            Manner::SaysMore => told += 10,
            Manner::SaysLess => told = told.saturating_sub(10),
            _ => {}
        }
        match start {
            None => write!(stream, "HTTP/1.1 200 OK\r\n")?,
            Some(start) => {
                let first = if self.manner == Manner::WrongRange { start + 1 } else { start };
                let last = length - 1;
                write!(stream, "HTTP/1.1 206 X\r\nContent-Range: bytes {first}-{last}/{length}\r\n")?;
            }
        }
        write!(stream, "ETag: {tag}\r\nContent-Length: {told}\r\nConnection: close\r\n\r\n")?;
        stream.write_all(body)?;
        self.sent_bytes.fetch_add(body.len() as u64, Ordering::SeqCst);
        if matches!(self.manner, Manner::StallsAfter(_)) {
            loop {
                thread::park();
            }
        }
        Ok(())
    }
}
