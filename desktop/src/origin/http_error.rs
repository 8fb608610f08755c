//! Errors of fetching a package.

use wheelwork_diagnostic::{Diagnosis, Diagnostic, Remedy, check, get, give, retry, unsupported};

/// Why a package could not be fetched. What has arrived is kept whatever the reason.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// It cannot be read as a URL.
    #[error("this is no URL")]
    NotAUrl,
    /// Neither `https` nor `http`.
    #[error("packages are not fetched by `{scheme}`")]
    Scheme { scheme: String },
    /// A user name or password in the URL.
    #[error("the URL holds a user name or password")]
    Password,
    /// `http` to another machine.
    #[error("`{url}` is not encrypted")]
    Unencrypted { url: String },
    /// Another status than one that carries a package.
    #[error("`{url}` answers with status {status}")]
    Status { url: String, status: u16 },
    /// A redirect to somewhere that may not be followed.
    #[error("`{url}` redirects to an address that is not encrypted, or too often")]
    Redirect { url: String },
    /// Another file than the one that the transfer began with.
    #[error("`{url}` changed while it was being fetched: its {what} is another")]
    Changed { url: String, what: &'static str },
    /// The server breaks the rules of HTTP.
    #[error("`{url}` gives an answer that cannot be used: {detail}")]
    Answer { url: String, detail: String },
    /// The server does not prove that it is the one of the URL.
    #[error("`{url}` has a certificate that this system does not trust: {detail}")]
    Certificate { url: String, detail: String },
    /// The connection could not be made, or was cut again and again.
    #[error("`{url}` cannot be reached at byte {position} after {tries} tries: {detail}")]
    Connection { url: String, position: u64, tries: u32, detail: String },
    /// The server sends so little that the transfer would never end.
    #[error("`{url}` sends {bytes_per_second} bytes a second at byte {position}, expected at least {least}")]
    TooSlow { url: String, position: u64, bytes_per_second: u64, least: u64 },
    /// The caller cancelled.
    #[error("it was cancelled")]
    Cancelled,
}

impl Diagnostic for HttpError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::NotAUrl => retry("http_not_a_url", give(ADDRESS)),
            Self::Scheme { .. } => unsupported("http_scheme", give(ADDRESS)),
            Self::Password => {
                retry("http_password", get("it with a program that keeps passwords, and install the file"))
            }
            Self::Unencrypted { .. } => retry("http_unencrypted", Remedy::UseHttps),
            Self::Status { status: 401 | 403, .. } => retry(
                "http_status",
                get("it with another program and install the file: the server wants an account"),
            ),
            Self::Status { status: 404 | 410, .. } => {
                retry("http_status", check("the URL: nothing is there"))
            }
            Self::Status { .. } => retry("http_status", Remedy::Continue),
            Self::Redirect { .. } => {
                retry("http_redirect", get("the address that it leads to from the publisher"))
            }
            Self::Changed { .. } => retry("http_changed", Remedy::Retry),
            Self::Answer { .. } => retry("http_answer", get("it with another program and install the file")),
            Self::Certificate { .. } => retry(
                "http_certificate",
                check(
                    "the URL and this machine's clock; a certificate of your own belongs into the system's trust",
                ),
            ),
            Self::Connection { .. } => retry(
                "http_connection",
                check("the network, then run the same command again: what has arrived is kept"),
            ),
            Self::TooSlow { .. } => retry(
                "http_too_slow",
                check("the network, then run the same command again: what has arrived is kept"),
            ),
            Self::Cancelled => retry("http_cancelled", Remedy::Continue),
        }
    }
}

const ADDRESS: &str = "a URL as in https://HOST/NAME.wwpkg, or the name of a file";
