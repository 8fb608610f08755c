//! Errors of fetching a package.

use std::borrow::Cow;

use wheelwork_package::{Class, Diagnostic};

/// Why a package could not be fetched. What has arrived is kept whatever the reason.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// It cannot be read as a URL.
    #[error("this is no URL")]
    NotAUrl,
    /// Neither `https` nor `http`.
    #[error("packages are not fetched by `{scheme}`")]
    Scheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// A user name or password in the URL.
    #[error("the URL holds a user name or password")]
    Password,
    /// `http` to another machine.
    #[error("`{url}` is not encrypted")]
    Unencrypted {
        /// The URL without its query.
        url: String,
    },
    /// Another status than one that carries a package.
    #[error("`{url}` answers with status {status}")]
    Status {
        /// The URL without its query.
        url: String,
        /// The status code.
        status: u16,
    },
    /// A redirect to somewhere that may not be followed.
    #[error("`{url}` redirects to an address that is not encrypted, or too often")]
    Redirect {
        /// The URL without its query.
        url: String,
    },
    /// Another file than the one that the transfer began with.
    #[error("`{url}` changed while it was being fetched: its {what} is another")]
    Changed {
        /// The URL without its query.
        url: String,
        /// What differs.
        what: &'static str,
    },
    /// The server breaks the rules of HTTP.
    #[error("`{url}` gives an answer that cannot be used: {detail}")]
    Answer {
        /// The URL without its query.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The server does not prove that it is the one of the URL.
    #[error("`{url}` has a certificate that this system does not trust: {detail}")]
    Certificate {
        /// The URL without its query.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The connection could not be made, or was cut again and again.
    #[error("`{url}` cannot be reached at byte {position} after {tries} tries: {detail}")]
    Connection {
        /// The URL without its query.
        url: String,
        /// Where in the package, in bytes.
        position: u64,
        /// Tries without a byte of progress.
        tries: u32,
        /// What went wrong at the last.
        detail: String,
    },
    /// The caller cancelled.
    #[error("it was cancelled")]
    Cancelled,
}

impl Diagnostic for HttpError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotAUrl => "http_not_a_url",
            Self::Scheme { .. } => "http_scheme",
            Self::Password => "http_password",
            Self::Unencrypted { .. } => "http_unencrypted",
            Self::Status { .. } => "http_status",
            Self::Redirect { .. } => "http_redirect",
            Self::Changed { .. } => "http_changed",
            Self::Answer { .. } => "http_answer",
            Self::Certificate { .. } => "http_certificate",
            Self::Connection { .. } => "http_connection",
            Self::Cancelled => "http_cancelled",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Scheme { .. } => Class::Unsupported,
            _ => Class::Retry,
        }
    }

    fn remedy(&self) -> Cow<'static, str> {
        match self {
            Self::NotAUrl | Self::Scheme { .. } => {
                "give a URL as in https://HOST/NAME.wwpkg, or the name of a file".into()
            }
            Self::Password => "fetch it with a program that keeps passwords, and install the file".into(),
            Self::Unencrypted { .. } => "use https, or pass --allow-http if you trust the network".into(),
            Self::Status { status: 401 | 403, .. } => {
                "the server wants an account: fetch it with another program and install the file".into()
            }
            Self::Status { status: 404 | 410, .. } => "check the URL: nothing is there".into(),
            Self::Status { .. } => "try again later: what has arrived is kept".into(),
            Self::Redirect { .. } => "ask the publisher for the address that it leads to".into(),
            Self::Changed { .. } => "start again: the new file is fetched from its start".into(),
            Self::Answer { .. } => "fetch it with another program and install the file".into(),
            Self::Certificate { .. } => {
                "check the URL and this machine's clock; a certificate of your own belongs into the system's trust".into()
            }
            Self::Connection { .. } => {
                "check the network, then run the same command again: what has arrived is kept".into()
            }
            Self::Cancelled => "start it again: what was done is kept".into(),
        }
    }
}
