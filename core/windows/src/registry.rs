//! Texts of the registry, below `HKEY_LOCAL_MACHINE`.

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RegGetValueW};

/// The text `value` of `key`, up to 255 units of UTF-16; `None` where it is not there, longer, or no text.
#[allow(unsafe_code)]
pub(crate) fn text(key: &str, value: &str) -> Option<String> {
    let wide = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<_>>();
    let (key, value) = (wide(key), wide(value));
    let mut text = [0_u16; 256];
    let mut bytes = u32::try_from(size_of_val(&text)).ok()?;
    // SAFETY: both names end with zero; the place to write to is ours, and the system is told its size and keeps to it.
    let code = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            value.as_ptr(),
            RRF_RT_REG_SZ,
            std::ptr::null_mut(),
            text.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if code != ERROR_SUCCESS {
        return None;
    }
    let written = text.split(|unit| *unit == 0).next()?;
    Some(String::from_utf16_lossy(written).trim().to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_not_there_is_no_text() {
        assert_eq!(super::text(r"SOFTWARE\no such key", "value"), None);
    }
}
