//! GPTQ: codes that are right together.
//!
//! A product `y = W x` cares for the error `E = W - Q` only as far as inputs reach it: over calibration inputs
//! `X [tokens, K]` the output's squared error is `tr(E H E^T)` with `H = X^T X`. Rounding each weight to the nearest
//! code minimises the diagonal of that; the rest says that an error of one column can be undone by its neighbours.
//!
//! 1. [`hessian`] sums up `H`, in panels of columns.
//! 2. [`factor`] orders the columns by how much they matter, damps, and factors `H = L L^T` ([`cholesky`]).
//! 3. [`rounding`] finds codes column by column, each correcting for the errors of those before it.
//!
//! Frantar et al., arXiv:2210.17323. Groups are static: scale and zero point of each block are found beforehand, by the
//! integer search of `wheelwork-quantize` under the weights `diag(H)`, so that blocks stay in their natural order,
//! as the runtime's fast kernels need it, whatever the order of the columns. Their inverse of `H` is not needed: in the
//! form of Chee et al. (arXiv:2307.13304, section 4.3), which gives the same codes, the correction of a column is a
//! product of the errors so far with a column of the factor itself.

mod channels;
pub(crate) mod cholesky;
pub(crate) mod factor;
pub(crate) mod hessian;
pub(crate) mod rounding;

pub(crate) use channels::GptqChannels;
