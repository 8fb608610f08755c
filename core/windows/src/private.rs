//! Files that their owner alone can read, as mode 600 has it elsewhere.
//!
//! A new file takes the access list of its folder. In a user's own folders that lets in the user, the administrators and
//! the system, who can read everything anyway; in one at the root of a disk, everybody with an account.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, LocalFree};
use windows_sys::Win32::Security::Authorization::{GetSecurityInfo, SE_FILE_OBJECT, SetSecurityInfo};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, ACL_REVISION, AddAccessAllowedAce, DACL_SECURITY_INFORMATION,
    EqualSid, GetAce, GetLengthSid, INHERIT_ONLY_ACE, InitializeAcl, IsWellKnownSid,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
    WinBuiltinAdministratorsSid, WinCreatorOwnerRightsSid, WinLocalSystemSid,
};
use windows_sys::Win32::Storage::FileSystem::FILE_ALL_ACCESS;
use windows_sys::Win32::System::SystemServices::{ACCESS_ALLOWED_ACE_TYPE, ACCESS_DENIED_ACE_TYPE};

/// Who owns a file and whom it lets in. Both pointers lead into the descriptor.
struct Security {
    owner: PSID,
    access: *mut ACL,
    descriptor: PSECURITY_DESCRIPTOR,
}

impl Security {
    #[allow(unsafe_code)]
    fn of(file: &File) -> io::Result<Self> {
        let mut found = Self { owner: null_mut(), access: null_mut(), descriptor: null_mut() };
        // SAFETY: the handle is open as long as the file is borrowed; the places to write to are ours.
        let code = unsafe {
            GetSecurityInfo(
                file.as_raw_handle(),
                SE_FILE_OBJECT,
                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                &raw mut found.owner,
                null_mut(),
                &raw mut found.access,
                null_mut(),
                &raw mut found.descriptor,
            )
        };
        checked(code)?;
        Ok(found)
    }
}

impl Drop for Security {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the system allocated it for us, and nothing leads into it any more.
        unsafe { LocalFree(self.descriptor) };
    }
}

/// Gives a file to its owner alone. It has to be open with the right to change its access list (`WRITE_DAC`), and by nobody
/// else.
///
/// # Errors
/// What the system says.
#[allow(unsafe_code)]
pub fn keep_private(file: &File) -> io::Result<()> {
    let security = Security::of(file)?;
    // Words, because a list has to be aligned.
    let mut list = [0_u32; 64];
    let bytes = u32::try_from(size_of_val(&list)).map_err(io::Error::other)?;
    let list: *mut ACL = list.as_mut_ptr().cast();
    // SAFETY: the owner leads into the descriptor, which lives as long as `security`; the list lies in `list`, whose size
    // the system is told and keeps to; the handle is open.
    unsafe {
        if size_of::<ACL>() + size_of::<ACCESS_ALLOWED_ACE>() + GetLengthSid(security.owner) as usize
            > bytes as usize
            || InitializeAcl(list, bytes, ACL_REVISION) == 0
            || AddAccessAllowedAce(list, ACL_REVISION, FILE_ALL_ACCESS, security.owner) == 0
        {
            return Err(io::Error::last_os_error());
        }
        // Protected: nothing comes from the folder any more.
        checked(SetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            list,
            null(),
        ))
    }
}

/// Whether a file lets in nobody but its owner, the administrators and the system.
///
/// # Errors
/// What the system says.
#[allow(unsafe_code)]
pub fn is_private(file: &File) -> io::Result<bool> {
    let security = Security::of(file)?;
    if security.access.is_null() {
        // No list lets everybody in.
        return Ok(false);
    }
    // SAFETY: list, entries and identifiers lie in the descriptor, which lives as long as `security`; an entry is read as
    // what its type says that it is.
    unsafe {
        for number in 0..(*security.access).AceCount {
            let mut entry = null_mut();
            if GetAce(security.access, number.into(), &raw mut entry) == 0 {
                return Err(io::Error::last_os_error());
            }
            let header = &*entry.cast::<ACE_HEADER>();
            let is_for_children = u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0;
            match u32::from(header.AceType) {
                _ if is_for_children => {}
                ACCESS_DENIED_ACE_TYPE => {}
                ACCESS_ALLOWED_ACE_TYPE => {
                    let who: PSID = (&raw mut (*entry.cast::<ACCESS_ALLOWED_ACE>()).SidStart).cast();
                    let is_trusted = EqualSid(who, security.owner) != 0
                        || [WinLocalSystemSid, WinBuiltinAdministratorsSid, WinCreatorOwnerRightsSid]
                            .iter()
                            .any(|kind| IsWellKnownSid(who, *kind) != 0);
                    if !is_trusted {
                        return Ok(false);
                    }
                }
                // Conditions and entries for directories are more than a key's file needs.
                _ => return Ok(false),
            }
        }
    }
    Ok(true)
}

fn checked(code: u32) -> io::Result<()> {
    match code {
        ERROR_SUCCESS => Ok(()),
        // The system's codes are unsigned, Rust's are the same bits.
        code => Err(io::Error::from_raw_os_error(code.cast_signed())),
    }
}
