//! Memory that this process cannot drop and read again.

/// Anonymous resident bytes of this process; `None` where the system does not tell.
pub(super) fn anonymous_bytes() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// How much of it was added since.
pub(super) fn added(before: Option<u64>) -> Option<u64> {
    Some(anonymous_bytes()?.saturating_sub(before?))
}
