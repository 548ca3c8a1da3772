//! `Traffic Manager`.

use super::{ArmCx, ArmError, ArmReply, ArmRequest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrafficManager {}

impl TrafficManager {
    pub(crate) fn answer(&mut self, request: &ArmRequest<'_>, _cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        Err(ArmError::unknown_type(&request.path))
    }

    pub(crate) fn advance(&mut self, _now: Timestamp) {}

    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        None
    }

    pub(crate) fn contents(&self) -> Value {
        json!({})
    }
}
