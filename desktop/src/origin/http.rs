//! A package behind a URL, as one stream: skips by asking for a range, and survives a cut connection by asking again
//! from where it was cut.
//!
//! Every request asks for `bytes=POSITION-`. The first answer says which file it is (entity tag, length); every later
//! one has to be of the same file, so that two files are never spliced. A server without ranges sends everything from
//! the start, and what is not wanted is read past. Source: RFC 9110, sections 13 and 14.

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use ureq::http::{HeaderMap, HeaderName, Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, BodyReader};
use wheelwork::CancelToken;
use wheelwork_package::container::Source;

use super::HttpError;
use super::url::PackageUrl;

/// Tries without a byte of progress before the transfer is given up; with the waits below, about 15 seconds.
const TRIES: u32 = 7;
/// Doubled after each try but the first, which comes at once.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Reading so much costs less than another request.
const READ_PAST_BYTES: u64 = 1 << 20;
const REDIRECTS: u32 = 5;
/// A server that sends less, over the time that it may be silent, is given up: at that rate a small model takes a month.
const LEAST_BYTES_PER_SECOND: u64 = 1024;
/// Read past at once.
const PIECE_BYTES: usize = 16 << 10;

/// The package behind a URL.
pub(super) struct HttpSource {
    agent: Agent,
    url: PackageUrl,
    cancel: CancelToken,
    /// The next byte that is wanted.
    position: u64,
    /// An open answer, and the position of its next byte: never beyond [`HttpSource::position`].
    body: Option<(BodyReader<'static>, u64)>,
    /// Whether the last answer began where it was asked to.
    has_ranges: bool,
    /// Which file the first answer was about.
    file: Option<FileId>,
    /// Tries since the last byte arrived.
    tries: u32,
    rate: Rate,
}

/// How fast bytes arrive while they are waited for.
struct Rate {
    /// How long bytes are counted before they are judged.
    window: Duration,
    waited: Duration,
    bytes: u64,
}

impl Rate {
    fn new(window: Duration) -> Self {
        Self { window, waited: Duration::ZERO, bytes: 0 }
    }

    /// Counts what a wait has brought.
    ///
    /// # Errors
    /// The rate in bytes a second, where it was too low over a whole window.
    fn add(&mut self, bytes: u64, waited: Duration) -> Result<(), u64> {
        self.waited += waited;
        self.bytes += bytes;
        if self.waited < self.window {
            return Ok(());
        }
        let least = u128::from(LEAST_BYTES_PER_SECOND) * self.waited.as_millis() / 1000;
        let (bytes, waited) = (self.bytes, self.waited);
        *self = Self::new(self.window);
        if u128::from(bytes) < least { Err(bytes / waited.as_secs().max(1)) } else { Ok(()) }
    }
}

/// What two answers about the same file have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileId {
    entity_tag: Option<String>,
    bytes: Option<u64>,
}

impl HttpSource {
    /// Connects when the first byte is read. `stall` is how long the server may be silent.
    pub(super) fn new(url: PackageUrl, stall: Duration, cancel: CancelToken) -> Self {
        let config = Agent::config_builder()
            .https_only(url.is_encrypted())
            // Where `http` is allowed, it is allowed to that very server.
            .max_redirects(if url.is_encrypted() { REDIRECTS } else { 0 })
            .http_status_as_error(false)
            .timeout_connect(Some(stall))
            .timeout_recv_response(Some(stall))
            .timeout_per_read(Some(stall))
            // As it lies on the server: positions are of those bytes.
            .accept_encoding("identity")
            .user_agent(concat!("wheelwork/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build());
        let config = if url.is_loopback() { config.proxy(None) } else { config };
        let agent = config.build().into();
        Self {
            agent,
            url,
            cancel,
            position: 0,
            body: None,
            has_ranges: false,
            file: None,
            tries: 0,
            rate: Rate::new(stall),
        }
    }

    /// One try to read at the position.
    fn try_read(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        let limit = self.position.saturating_sub(READ_PAST_BYTES);
        if self.has_ranges && self.body.as_ref().is_some_and(|(_, at)| *at < limit) {
            self.body = None;
        }
        let (mut body, mut at) = match self.body.take() {
            Some(open) => open,
            None => match self.request()? {
                Some(open) => open,
                None => return Ok(0),
            },
        };
        // What a server without ranges sends first, or a skip has left.
        while at < self.position {
            self.check_cancelled()?;
            let mut piece = [0; PIECE_BYTES];
            let wanted =
                usize::try_from(self.position - at).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            let read = self.read_some(&mut body, piece.get_mut(..wanted).unwrap_or_default())?;
            if read == 0 {
                return self.ended(at);
            }
            at += read as u64;
        }
        let read = self.read_some(&mut body, buffer)?;
        if read == 0 && !buffer.is_empty() {
            return self.ended(at);
        }
        at += read as u64;
        self.position = at;
        self.body = Some((body, at));
        Ok(read)
    }

    /// Reads what has arrived, and gives up a server that sends next to nothing.
    fn read_some(&mut self, body: &mut BodyReader<'static>, buffer: &mut [u8]) -> Result<usize, Trouble> {
        let start = Instant::now();
        let read = body.read(buffer)?;
        self.rate.add(read as u64, start.elapsed()).map_err(|bytes_per_second| {
            let (url, position) = (self.url.to_string(), self.position);
            HttpError::TooSlow { url, position, bytes_per_second, least: LEAST_BYTES_PER_SECOND }
        })?;
        Ok(read)
    }

    /// The body has ended: well, if that is where the file ends.
    fn ended(&self, at: u64) -> Result<usize, Trouble> {
        match self.file.as_ref().and_then(|file| file.bytes) {
            Some(bytes) if at < bytes => {
                Err(Trouble::Passing(format!("the answer ends at byte {at} of {bytes}")))
            }
            _ => Ok(0),
        }
    }

    /// Asks for everything from the position on. Returns a body and where it begins; `None` at the end of the file.
    fn request(&mut self) -> Result<Option<(BodyReader<'static>, u64)>, Trouble> {
        let mut request = self.agent.get(self.url.uri()).header(RANGE, format!("bytes={}-", self.position));
        // A weak tag is not allowed here; what comes is compared anyway.
        let tag = self.file.as_ref().and_then(|file| file.entity_tag.as_deref());
        if let Some(tag) = tag.filter(|tag| !tag.starts_with("W/")) {
            request = request.header(IF_RANGE, tag);
        }
        let answer = request.call().map_err(|error| self.transport(error))?;
        let status = answer.status();
        let url = || self.url.to_string();
        match status {
            StatusCode::OK => {
                let bytes = number(answer.headers(), &CONTENT_LENGTH);
                self.same_file(answer.headers(), bytes)?;
                self.has_ranges = false;
                Ok(Some((body(answer), 0)))
            }
            StatusCode::PARTIAL_CONTENT => {
                let (start, bytes) = content_range(answer.headers())
                    .ok_or_else(|| self.answer("a part without a readable Content-Range".to_owned()))?;
                if start != self.position {
                    let detail = format!("asked for byte {}, it sends byte {start}", self.position);
                    return Err(self.answer(detail));
                }
                self.same_file(answer.headers(), bytes)?;
                self.has_ranges = true;
                Ok(Some((body(answer), start)))
            }
            StatusCode::RANGE_NOT_SATISFIABLE => match self.file.as_ref().and_then(|file| file.bytes) {
                Some(bytes) if bytes > self.position => {
                    Err(HttpError::Changed { url: url(), what: "length" }.into())
                }
                _ => Ok(None),
            },
            status if status.is_redirection() => Err(HttpError::Redirect { url: url() }.into()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(Trouble::Passing(format!("status {}", status.as_u16())))
            }
            status if status.is_server_error() => {
                Err(Trouble::Passing(format!("status {}", status.as_u16())))
            }
            status => Err(HttpError::Status { url: url(), status: status.as_u16() }.into()),
        }
    }

    /// Notes which file the first answer is about, and holds later ones against it.
    fn same_file(&mut self, headers: &HeaderMap, bytes: Option<u64>) -> Result<(), Trouble> {
        if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(self.answer("it is compressed on the way, though that was not asked for".to_owned()));
        }
        let entity_tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let found = FileId { entity_tag, bytes };
        let Some(first) = &self.file else {
            self.file = Some(found);
            return Ok(());
        };
        let what = if first.entity_tag != found.entity_tag {
            "entity tag"
        } else if first.bytes != found.bytes {
            "length"
        } else {
            return Ok(());
        };
        Err(HttpError::Changed { url: self.url.to_string(), what }.into())
    }

    fn answer(&self, detail: String) -> Trouble {
        HttpError::Answer { url: self.url.to_string(), detail }.into()
    }

    fn transport(&self, error: ureq::Error) -> Trouble {
        match error {
            ureq::Error::RequireHttpsOnly(_)
            | ureq::Error::TooManyRedirects
            | ureq::Error::RedirectFailed => HttpError::Redirect { url: self.url.to_string() }.into(),
            ureq::Error::Protocol(error) => self.answer(error.to_string()),
            ureq::Error::LargeResponseHeader(..) => self.answer(error.to_string()),
            ureq::Error::Io(error) if is_of_certificate(&error) => {
                HttpError::Certificate { url: self.url.to_string(), detail: error.to_string() }.into()
            }
            error => Trouble::Passing(error.to_string()),
        }
    }

    fn check_cancelled(&self) -> Result<(), Trouble> {
        if self.cancel.is_cancelled() { Err(HttpError::Cancelled.into()) } else { Ok(()) }
    }

    /// After a passing trouble: waits, or gives up.
    fn wait(&mut self, detail: String) -> Result<(), HttpError> {
        self.body = None;
        self.tries += 1;
        if self.tries >= TRIES {
            let (url, position, tries) = (self.url.to_string(), self.position, self.tries);
            return Err(HttpError::Connection { url, position, tries, detail });
        }
        if self.tries > 1 {
            thread::sleep(FIRST_WAIT * 2_u32.pow(self.tries - 2));
        }
        Ok(())
    }
}

impl Read for HttpSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let outcome = self.check_cancelled().and_then(|()| self.try_read(buffer));
            match outcome {
                Ok(read) => {
                    self.tries = 0;
                    return Ok(read);
                }
                Err(Trouble::Final(error)) => return Err(io::Error::other(error)),
                Err(Trouble::Passing(detail)) => self.wait(detail).map_err(io::Error::other)?,
            }
        }
    }
}

impl Source for HttpSource {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        // The next read asks for a range or reads past it, whichever costs less.
        self.position = self.position.saturating_add(bytes);
        Ok(())
    }

    fn bytes_left(&mut self) -> io::Result<Option<u64>> {
        let bytes = self.file.as_ref().and_then(|file| file.bytes);
        Ok(bytes.map(|bytes| bytes.saturating_sub(self.position)))
    }
}

/// Why a try failed.
#[derive(Debug)]
enum Trouble {
    /// Another try may succeed.
    Passing(String),
    /// It will not.
    Final(HttpError),
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        Self::Final(error)
    }
}

/// An error in the middle of a body: the connection was cut, or is silent.
impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Passing(error.to_string())
    }
}

fn body(answer: Response<Body>) -> BodyReader<'static> {
    answer.into_body().into_with_config().limit(u64::MAX).reader()
}

/// Another try would meet the same certificate.
fn is_of_certificate(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// First byte and length of the whole file, of `bytes FIRST-LAST/LENGTH`; the length may be `*`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, length) =
        headers.get(CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let length = if length.trim() == "*" { None } else { Some(length.trim().parse().ok()?) };
    (first <= last && length.is_none_or(|length| last < length)).then_some((first, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<(u64, Option<u64>)> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_RANGE, text.parse().unwrap());
        content_range(&headers)
    }

    #[test]
    fn in_12_a_byte_a_second_is_too_slow_and_a_slow_line_is_not() {
        let (second, window) = (Duration::from_secs(1), Duration::from_secs(30));
        let mut rate = Rate::new(window);
        let judged: Vec<_> = (0..30).map(|_| rate.add(1, second)).collect();
        assert!(judged[..29].iter().all(Result::is_ok));
        assert_eq!(judged[29], Err(1));
        assert!((0..100).all(|_| rate.add(2 * LEAST_BYTES_PER_SECOND, second).is_ok()));
        // What comes at once counts, however long the reader takes between.
        assert!((0..100).all(|_| rate.add(1, Duration::ZERO).is_ok()));
        let mut rate = Rate::new(second);
        assert_eq!(rate.add(0, window), Err(0));
    }

    #[test]
    fn a_content_range_is_read_or_refused() {
        assert_eq!(range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(range("bytes 5-9/*"), Some((5, None)));
        for wrong in ["", "5-9/10", "bytes 9-5/10", "bytes 5-10/10", "bytes -5/10", "bytes 5-9", "bytes */10"]
        {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
