//! What the CPU is called.

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RegGetValueW};

/// The CPU's name, as in `Snapdragon(R) X Elite - X1E80100 - Qualcomm(R) Oryon(TM) CPU`. `None` where the system
/// does not say.
#[must_use]
#[allow(unsafe_code)]
pub fn cpu_name() -> Option<String> {
    let wide = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<_>>();
    let key = wide(r"HARDWARE\DESCRIPTION\System\CentralProcessor\0");
    let value = wide("ProcessorNameString");
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
    fn the_cpu_has_a_name() {
        assert!(super::cpu_name().is_some_and(|name| !name.is_empty()));
    }
}
