//! The wire formats of AWS, both ways: signature scopes, form parameters, XML, JSON and CBOR envelopes, errors.
//!
//! Knows no operation and no resource. Whatever bytes arrive, nothing here panics.

mod cbor;
mod envelope;
mod error;
mod params;
mod rest;
mod scope;
mod service;

pub(crate) use cbor::decode as decode_cbor;
pub(crate) use envelope::{Protocol, RestErrors, namespace};
pub(crate) use error::ApiError;
pub(crate) use params::Params;
pub(crate) use rest::RestRequest;
pub(crate) use scope::Scope;
pub(crate) use service::ServiceCx;
