//! Sessions of ONNX Runtime: where a graph runs, loading it so that another thread can end that, and what was loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::ort::environment::Environment;
use ::ort::memory::DeviceType;
use ::ort::session::Session;
use ::ort::session::builder::{GraphOptimizationLevel, LoadCanceler, SessionBuilder};
use ::ort::value::{Outlet, TensorElementType, ValueType};
use wheelwork_ort::assignment::RECORD;
use wheelwork_ort::custom_ops;

use super::errors;
use crate::control::{CancelToken, Interrupt};
use crate::decoder::error::DecoderError;
use crate::decoder::graph_placement::Share;

/// A provider beside the CPU's, whose library is registered ([`wheelwork_ort::plugin`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnDevice {
    /// ONNX Runtime's name of the provider.
    pub(crate) provider: &'static str,
    /// ONNX Runtime's name of the memory that caches stay in; `None` for the host's.
    pub(crate) memory: Option<&'static str>,
}

static DEVICE: Mutex<()> = Mutex::new(());

/// Keeps everybody else from the devices until the guard goes. All sessions of a provider share its queue of commands,
/// which is not made for several threads: a copy for one sequence breaks into the run of another ("CommandEncoder is
/// already finished", WebGPU provider 0.4.0). Not to be taken twice.
pub(super) fn alone() -> MutexGuard<'static, ()> {
    DEVICE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session with a pool of so many threads, which records who gets which node.
pub(super) fn builder(environment: &Environment, threads: usize) -> ::ort::Result<SessionBuilder> {
    Ok(Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        // Shapes differ from call to call, so a remembered allocation pattern would only hold memory.
        .with_memory_pattern(false)?
        .with_config_entry(RECORD, "1")?)
}

/// Knows the operators of a graph.
pub(super) fn with_operators(
    builder: SessionBuilder,
    located: &Located,
    threads: usize,
) -> ::ort::Result<SessionBuilder> {
    if !located.is_ours {
        return Ok(builder);
    }
    Ok(builder.with_operators(custom_ops::operators(threads)?)?)
}

/// Puts a registered provider before the CPU's. Which nodes it takes is asked of ONNX Runtime afterwards, not assumed.
pub(super) fn on_plugin(
    builder: SessionBuilder,
    environment: &Environment,
    provider: &str,
    options: &[(String, String)],
) -> ::ort::Result<SessionBuilder> {
    // The real thing first, where a provider lists a CPU beside it.
    let device = environment
        .devices()
        .filter(|device| device.ep().is_ok_and(|name| name == provider))
        .min_by_key(|device| match device.hardware_device().ty() {
            DeviceType::NPU => 0,
            DeviceType::GPU => 1,
            _ => 2,
        })
        .ok_or_else(|| ::ort::Error::new(format!("{provider} offers no device")))?;
    // ONNX Runtime drops options without the provider's name before them, and says nothing.
    let options: Vec<_> =
        options.iter().map(|(key, value)| (format!("{provider}.{key}"), value.clone())).collect();
    Ok(builder.with_devices([device], Some(&options))?)
}

/// A graph in memory, and the folder from which it names its files.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) graph: Vec<u8>,
    pub(crate) folder: String,
    /// It has operators of ours.
    pub(crate) is_ours: bool,
}

impl Located {
    /// A graph that was read from `file`, whose files stand beside it.
    ///
    /// # Errors
    /// [`DecoderError::Load`] where the folder is gone, or has a name that ONNX Runtime cannot be told.
    pub(crate) fn beside(file: &Path, graph: Vec<u8>) -> Result<Arc<Self>, DecoderError> {
        let refused = |message: &dyn Display| errors::load(file, &message);
        let folder = fs_err::canonicalize(file.parent().unwrap_or(file)).map_err(|error| refused(&error))?;
        let folder = folder.to_str().ok_or_else(|| refused(&"the name of its folder is not Unicode"))?;
        Ok(Arc::new(Self { graph, folder: folder.to_owned(), is_ours: false }))
    }
}

/// ONNX Runtime's name of that folder.
const FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// Loads a graph; a token that is cancelled or suspended ends that.
///
/// # Errors
/// [`DecoderError::Interrupted`], and [`DecoderError::Load`] with what ONNX Runtime says.
pub(super) fn commit(
    builder: ::ort::Result<SessionBuilder>,
    graph: &Path,
    located: Option<&Located>,
    cancel: &CancelToken,
) -> Result<Session, DecoderError> {
    let named_from = |builder: SessionBuilder| match located {
        None => Ok(builder),
        Some(located) => Ok(builder.with_config_entry(FOLDER, &located.folder)?),
    };
    let session = builder.and_then(named_from).and_then(|mut builder| {
        let _attached = cancel.attach(Arc::new(Load(builder.canceler())));
        match located {
            None => builder.commit_from_file(graph),
            Some(located) => builder.commit_from_memory(&located.graph),
        }
    });
    session.map_err(|error| match cancel.request() {
        Some(_) => DecoderError::Interrupted,
        None => errors::load(graph, &error),
    })
}

/// A load under way. Once ended, it stays so.
struct Load(LoadCanceler);

impl Interrupt for Load {
    fn interrupt(&self) {
        // It fails where the load is over already.
        let _ = self.0.cancel();
    }

    fn clear(&self) {}
}

/// Who got which nodes, as ONNX Runtime recorded it.
pub(super) fn shares(session: &Session) -> Result<Vec<Share>, String> {
    let mut by_provider = BTreeMap::<_, (usize, BTreeSet<_>)>::new();
    for node in wheelwork_ort::assignment(session)? {
        let (nodes, operators) = by_provider.entry(node.provider).or_default();
        *nodes += 1;
        operators.insert(node.operator);
    }
    let share = |(provider, (nodes, operators)): (_, (_, BTreeSet<_>))| Share {
        provider,
        nodes,
        operators: operators.into_iter().collect(),
    };
    Ok(by_provider.into_iter().map(share).collect())
}

/// An input or output as the package says it is.
pub(super) struct Expected {
    name: String,
    element: TensorElementType,
    /// `None` for a free dimension.
    shape: Vec<Option<usize>>,
}

impl Expected {
    /// Of a fixed shape.
    pub(super) fn new(name: impl Into<String>, element: TensorElementType, shape: &[usize]) -> Self {
        Self { name: name.into(), element, shape: shape.iter().copied().map(Some).collect() }
    }

    /// Of a shape with free dimensions.
    pub(super) fn free(name: &str, element: TensorElementType, shape: &[Option<usize>]) -> Self {
        Self { name: name.to_owned(), element, shape: shape.to_vec() }
    }

    /// Tells what of the graph's inputs or outputs is not as expected.
    pub(super) fn check(&self, found: &[Outlet], side: &str) -> Result<(), String> {
        let Self { name, element, shape } = self;
        let (found, dims) = tensor(found, name, side)?;
        // Where some dimensions are free, a graph may leave others free too.
        let is_free = shape.contains(&None);
        let fits = |(&found, expected): (&i64, &Option<usize>)| match expected {
            Some(size) => usize::try_from(found).map_or(is_free, |found| found == *size),
            None => true,
        };
        if found == *element && dims.len() == shape.len() && dims.iter().zip(shape).all(fits) {
            return Ok(());
        }
        let expected: Vec<_> =
            shape.iter().map(|size| size.map_or_else(|| "-1".to_owned(), |size| size.to_string())).collect();
        Err(format!("`{name}` is {found} {dims:?}, expected {element} [{}]", expected.join(", ")))
    }
}

/// The type and the shape of an input or output.
pub(super) fn tensor<'o>(
    found: &'o [Outlet],
    name: &str,
    side: &str,
) -> Result<(TensorElementType, &'o [i64]), String> {
    match found.iter().find(|outlet| outlet.name() == name).map(Outlet::dtype) {
        Some(ValueType::Tensor { ty, shape, .. }) => Ok((*ty, shape)),
        Some(other) => Err(format!("`{name}` is {other}, expected a tensor")),
        None => Err(format!("it has no `{name}` among its {side}")),
    }
}

/// Compares all inputs or outputs.
pub(super) fn check_all(found: &[Outlet], expected: &[Expected], side: &str) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("it has {} {side}, expected {}", found.len(), expected.len()));
    }
    expected.iter().try_for_each(|expected| expected.check(found, side))
}
