//! Copies between tensors that stand on different devices.
//!
//! Tensors in a device's own memory cannot be read or written by the host. ONNX Runtime moves them with the data
//! transfer of the provider that owns the device (`CopyTensors`, API 23), which `ort` does not wrap.

use ort::value::{PrimitiveTensorElementType, Tensor};
use ort::{AsPointer, ErrorCode};

use crate::current;

/// Copies all elements of `source` into `target`, wherever the two stand, and returns when they are there.
///
/// # Errors
/// ONNX Runtime's, and `INVALID_ARGUMENT` for tensors of different shapes.
#[allow(unsafe_code)]
pub fn copy<T>(source: &Tensor<T>, target: &mut Tensor<T>) -> ort::Result<()>
where
    T: PrimitiveTensorElementType + std::fmt::Debug,
{
    if source.shape() != target.shape() {
        let message =
            format!("a tensor of shape {} cannot be copied into {}", source.shape(), target.shape());
        return Err(ort::Error::new_with_code(ErrorCode::InvalidArgument, message));
    }
    let Some(runtime) = current() else {
        return Err(ort::Error::new("ONNX Runtime is not loaded"));
    };
    let (sources, mut targets) = ([source.ptr()], [target.ptr()]);
    // SAFETY: `ort::api` gives the table of the loaded library, whose version `environment` has checked to be that of
    // the bindings or newer, so the entry is there. Both pointers come from live tensors of one element type and one
    // shape (checked above), `target` is borrowed mutably, and both arrays outlive the call, which is synchronous
    // because no stream is given. The environment is that of the process and is never released.
    let status = unsafe {
        let copy = ort::api().CopyTensors;
        let environment = runtime.environment.ptr().cast_mut();
        copy(environment, sources.as_ptr(), targets.as_mut_ptr(), std::ptr::null_mut(), sources.len())
    };
    // SAFETY: the status is the call's own, and nothing else reads it.
    unsafe { ort::Error::result_from_status(status) }
}
