//! Virtual machines as the API shows them. Changes none.

use super::VirtualMachine;
use crate::{azure::ArmCx, ids};
use serde_json::{Value, json};

impl VirtualMachine {
    pub(super) fn id(&self, cx: &ArmCx<'_>) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/{}",
            cx.subscription, self.group, self.name
        )
    }

    pub(super) fn body(&self, cx: &ArmCx<'_>, expand: bool) -> Value {
        let interfaces: Vec<Value> = self
            .interfaces
            .iter()
            .enumerate()
            .map(|(place, id)| json!({ "id": id, "properties": { "primary": place == 0 } }))
            .collect();
        let mut body = json!({
            "id": self.id(cx),
            "name": self.name,
            "type": "Microsoft.Compute/virtualMachines",
            "location": self.location,
            "etag": format!("\"{}\"", self.generation),
            "properties": {
                "vmId": ids::uuid(&format!("vm/{}/{}", self.group, self.name)),
                "hardwareProfile": { "vmSize": self.size },
                "osProfile": { "computerName": self.name },
                "storageProfile": { "osDisk": { "osType": "Linux", "name": format!("{}_osdisk", self.name), "createOption": "FromImage" }, "dataDisks": [] },
                "networkProfile": { "networkInterfaces": interfaces },
                "provisioningState": self.provisioning(),
                "timeCreated": self.created.to_string(),
            },
        });
        if let Some(zone) = &self.zone {
            body["zones"] = json!([zone]);
        }
        if expand {
            body["properties"]["instanceView"] = self.instance_view();
        }
        body
    }

    pub(super) fn instance_view(&self) -> Value {
        let provisioning = self.provisioning();
        let level = if self.failed { "Error" } else { "Info" };
        let mut view = json!({
            "computerName": self.name,
            "disks": [],
            "statuses": [
                {
                    "code": format!("ProvisioningState/{}", provisioning.to_ascii_lowercase()),
                    "level": level,
                    "displayStatus": format!("Provisioning {}", provisioning.to_ascii_lowercase()),
                    "time": self.since.to_string(),
                },
                {
                    "code": format!("PowerState/{}", self.power.name()),
                    "level": "Info",
                    "displayStatus": format!("VM {}", self.power.name()),
                },
            ],
        });
        if self.runs() {
            view["vmAgent"] = json!({
                "vmAgentVersion": "2.11.1.4",
                "statuses": [{
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": "Ready",
                    "message": "Guest Agent is running",
                    "time": self.since.to_string(),
                }],
            });
        }
        view
    }

    const fn provisioning(&self) -> &'static str {
        match (&self.change, self.failed) {
            (Some(_), _) => "Updating",
            (None, true) => "Failed",
            (None, false) => "Succeeded",
        }
    }

    pub(super) fn contents(&self) -> Value {
        json!({
            "location": self.location,
            "zone": self.zone,
            "size": self.size,
            "interfaces": self.interfaces,
            "power": self.power.name(),
        })
    }
}
