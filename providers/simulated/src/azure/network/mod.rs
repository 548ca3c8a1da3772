//! `Microsoft.Network`.

use super::{ArmCx, ArmError, ArmReply, ArmRequest, Azure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Network {}

impl Network {
    pub(crate) fn advance(&mut self, _now: Timestamp) {}

    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        None
    }

    pub(crate) fn contents(&self) -> Value {
        json!({})
    }
}
impl Azure {
    pub(crate) fn answer_network(&mut self, request: &ArmRequest<'_>, _cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        Err(ArmError::unknown_type(&request.path))
    }
}
