//! Which execution provider really got each node of a session's graph: a fact that `ort` has no safe call for.
//!
//! The session must have been made with [`RECORD`] set to `1`.

use std::ffi::{CStr, c_char};
use std::ptr;

use ort::session::Session;
use ort::{AsPointer, sys};

/// The session option that has ONNX Runtime keep the record.
pub const RECORD: &str = "session.record_ep_graph_assignment_info";

/// A node of a graph as it was cut up, before any provider fused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignedNode {
    /// ONNX Runtime's name of the execution provider.
    pub provider: String,
    /// The node's name.
    pub node: String,
    /// Its operator.
    pub operator: String,
}

/// Every node that any provider took.
///
/// # Errors
/// ONNX Runtime's words, for instance where nothing was recorded.
#[allow(unsafe_code)]
pub fn assignment(session: &Session) -> Result<Vec<AssignedNode>, String> {
    let api = ort::api();
    let mut nodes = Vec::new();
    // SAFETY: `session` is alive for the whole call, and what the calls return belongs to it: arrays of so many
    // pointers as are told beside them, and texts that end in a zero. Nothing is kept past this function: all is
    // copied. Every status is looked at before what the call wrote is read.
    unsafe {
        let (mut groups, mut groups_len) = (ptr::null(), 0);
        checked(
            api,
            (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &raw mut groups, &raw mut groups_len),
        )?;
        for &group in slice(groups, groups_len) {
            let provider = text(api, |out| (api.EpAssignedSubgraph_GetEpName)(group, out))?;
            let (mut members, mut members_len) = (ptr::null(), 0);
            checked(api, (api.EpAssignedSubgraph_GetNodes)(group, &raw mut members, &raw mut members_len))?;
            for &member in slice(members, members_len) {
                nodes.push(AssignedNode {
                    provider: provider.clone(),
                    node: text(api, |out| (api.EpAssignedNode_GetName)(member, out))?,
                    operator: text(api, |out| (api.EpAssignedNode_GetOperatorType)(member, out))?,
                });
            }
        }
    }
    Ok(nodes)
}

/// # Safety
/// `first` is null or points to `len` values that live as long as `'a`.
#[allow(unsafe_code)]
unsafe fn slice<'a, T>(first: *const T, len: usize) -> &'a [T] {
    // SAFETY: as asked of the caller.
    if first.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(first, len) } }
}

/// # Safety
/// `call` leaves null or a text that ends in a zero.
#[allow(unsafe_code)]
unsafe fn text(
    api: &sys::OrtApi,
    call: impl FnOnce(*mut *const c_char) -> sys::OrtStatusPtr,
) -> Result<String, String> {
    let mut text = ptr::null();
    checked(api, call(&raw mut text))?;
    if text.is_null() {
        return Ok(String::new());
    }
    // SAFETY: not null, and as asked of the caller.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// The message of a status that is no success; frees the status.
#[allow(unsafe_code)]
fn checked(api: &sys::OrtApi, status: sys::OrtStatusPtr) -> Result<(), String> {
    if status.0.is_null() {
        return Ok(());
    }
    // SAFETY: a status that is not null belongs to whoever called; its text lives until it is released, once, here.
    unsafe {
        let message = CStr::from_ptr((api.GetErrorMessage)(status.0)).to_string_lossy().into_owned();
        (api.ReleaseStatus)(status.0);
        Err(message)
    }
}
