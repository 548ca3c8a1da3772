//! Answers for resources of `Microsoft.Network` as a whole. One type is served as any other.

use super::{
    Balancer, Interface, Network, RouteTable, SecurityGroup, VirtualNetwork, body,
    kept::{Effect, Kept, Pending, etag_of},
};
use crate::azure::{ArmCx, ArmError, ArmReply, ArmRequest, Azure, NewOperation, Style};
use http::Method;
use serde_json::{Value, json};

impl Azure {
    pub(crate) fn answer_network(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        let root = path.types.first().map(|(kind, _)| kind.as_str()).or(path.rest.as_deref()).unwrap_or_default();
        match root.to_ascii_lowercase().as_str() {
            "virtualnetworks" => self.serve::<VirtualNetwork>(request, cx),
            "routetables" => self.serve::<RouteTable>(request, cx),
            "networkinterfaces" if path.last().as_deref() == Some("effectiveroutetable") => {
                self.effective_route_table(request, cx)
            }
            "networkinterfaces" => self.serve::<Interface>(request, cx),
            "networksecuritygroups" => self.serve::<SecurityGroup>(request, cx),
            "loadbalancers" => self.serve::<Balancer>(request, cx),
            _ => Err(ArmError::unknown_type(path)),
        }
    }

    fn serve<T: Effect>(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        match (path.types.len(), &path.rest, &request.method) {
            (0, Some(_), &Method::GET) => Ok(self.network.list::<T>(request)),
            (1, None, &Method::GET) => {
                let key = path.root_key();
                let kept = T::all(&self.network).get(&key).ok_or_else(|| ArmError::resource_not_found(path))?;
                Ok(ArmReply::Json(200, self.network.shown(&key, kept)))
            }
            (1, None, &Method::PUT) if T::WRITABLE => self.put::<T>(request, cx),
            (1, None, &Method::DELETE) if T::WRITABLE => self.delete::<T>(request, cx),
            (0, Some(_), method) | (1, None, method) => Err(ArmError::method_not_allowed(method)),
            (1, Some(_), _) | (2, None, _) => self.serve_child::<T>(request, cx),
            _ => Err(ArmError::unknown_type(path)),
        }
    }

    fn put<T: Effect>(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        let key = path.root_key();
        let existing = T::all(&self.network).get(&key);
        request.preconditions(existing.map(Kept::etag))?;
        self.not_busy(existing)?;
        let sent = body::without_nulls(request.resource_body()?);
        let location = location_of(&sent, existing, path.name())?;
        let created = existing.is_none();
        let id = existing.map_or_else(|| self.network_id::<T>(request), |kept| kept.id.clone());
        let generation = existing.map_or(0, |kept| kept.generation) + 1;
        let mut made = sent;
        T::complete(&mut made, existing, &self.network)?;
        stamp::<T>(&mut made, &id, &location, generation, existing);
        self.network.check_references(&id, &made)?;
        let effect = T::read(&made)?;
        effect.check(&key, &self.network)?;
        let kept = Kept {
            id,
            location,
            body: made,
            generation,
            effect: existing.map(|kept| kept.effect.clone()).unwrap_or_default(),
            pending: None,
        };
        T::all_mut(&mut self.network).insert(key.clone(), kept);
        let pending = self.pending(cx, false, None);
        Ok(self.begin::<T>(&key, pending, if created { 201 } else { 200 }, cx))
    }

    fn delete<T: Effect>(&mut self, request: &ArmRequest<'_>, cx: &ArmCx<'_>) -> Result<ArmReply, ArmError> {
        let key = request.path.root_key();
        let Some(kept) = T::all(&self.network).get(&key) else { return Ok(ArmReply::Empty(204)) };
        request.preconditions(Some(kept.etag()))?;
        self.not_busy(Some(kept))?;
        if let Some(error) = T::in_use(&key, kept, &self.network) {
            return Err(error);
        }
        if let Some(kept) = T::all_mut(&mut self.network).get_mut(&key) {
            kept.generation += 1;
            let etag = etag_of(&kept.id, kept.generation);
            body::set_state(&mut kept.body, "Deleting", &etag);
        }
        let pending = self.pending(cx, true, None);
        Ok(self.begin::<T>(&key, pending, 202, cx))
    }

    /// Refuses a second write while the first is being provisioned.
    pub(super) fn not_busy<T: Effect>(&self, kept: Option<&Kept<T>>) -> Result<(), ArmError> {
        match kept.filter(|kept| kept.pending.is_some()) {
            Some(kept) if self.options.busy_is_retryable => Err(ArmError::locked(&kept.id)),
            Some(kept) => Err(ArmError::busy(&kept.id)),
            None => Ok(()),
        }
    }

    pub(super) fn pending(&self, cx: &ArmCx<'_>, deletes: bool, child: Option<(String, String)>) -> Pending {
        Pending { at: cx.end(self.options.network_write), fails: cx.outcome(None).is_err(), deletes, child }
    }

    /// Lets a write begin that has been kept, and answers for it.
    pub(super) fn begin<T: Effect>(&mut self, key: &str, pending: Pending, status: u16, cx: &ArmCx<'_>) -> ArmReply {
        let (at, child, deletes) = (pending.at, pending.child.clone(), pending.deletes);
        let kept = T::all_mut(&mut self.network).get_mut(key).expect("the write has just been kept");
        kept.pending = Some(pending);
        let (id, location) = (kept.id.clone(), kept.location.clone());
        let kept = T::all(&self.network).get(key).expect("the write has just been kept");
        let shown = self.network.shown(key, kept);
        let shown = match &child {
            Some((array, name)) => body::child(&shown, array, name).cloned().unwrap_or_default(),
            None => shown,
        };
        let operation = NewOperation {
            style: if deletes { Style::Both } else { Style::AsyncOperation },
            ends_at: at,
            resource: id,
            location,
            outcome: cx.outcome(None),
        };
        ArmReply::Running { status, body: (!deletes).then_some(shown), operation }
    }

    /// The id of a resource that is created: the group's own casing, and the name as it was sent.
    fn network_id<T: Effect>(&self, request: &ArmRequest<'_>) -> String {
        let sent = request.path.group.as_deref().unwrap_or_default();
        let group = self.group(sent).map_or(sent, |group| group.name.as_str());
        network_id(&self.subscription, group, T::TYPE, request.path.name())
    }
}

/// The id of a resource of `Microsoft.Network`.
pub(crate) fn network_id(subscription: &str, group: &str, kind: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/{kind}/{name}")
}

impl Network {
    fn list<T: Effect>(&self, request: &ArmRequest<'_>) -> ArmReply {
        let path = &request.path;
        let group = path.group.as_ref().map(|group| format!("/resourcegroups/{}/", group.to_ascii_lowercase()));
        let wanted = |key: &str| group.as_ref().is_none_or(|group| key.contains(group.as_str()));
        let listed = T::all(self).iter().filter(|(key, _)| wanted(key));
        let listed: Vec<Value> = listed.map(|(key, kept)| self.shown(key, kept)).collect();
        ArmReply::Json(200, json!({ "value": listed }))
    }

    /// A resource as the API shows it now.
    pub(super) fn shown<T: Effect>(&self, key: &str, kept: &Kept<T>) -> Value {
        let mut shown = kept.body.clone();
        T::show(key, &mut shown, self);
        shown
    }
}

fn location_of<T>(sent: &Value, existing: Option<&Kept<T>>, name: &str) -> Result<String, ArmError> {
    let compact = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    let wanted = sent.get("location").and_then(Value::as_str).map(compact);
    match (wanted, existing) {
        (Some(wanted), Some(kept)) if wanted != kept.location => {
            let message = format!(
                "The resource '{name}' already exists in location '{}' in resource group. A resource with the same name \
                 cannot be created in location '{wanted}'. Please select a new resource name.",
                kept.location
            );
            Err(ArmError::conflict("InvalidResourceLocation", message))
        }
        (_, Some(kept)) => Ok(kept.location.clone()),
        (Some(wanted), None) if wanted.is_empty() || !wanted.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            let message = format!("The provided location '{wanted}' is not available for resource type '{name}'.");
            Err(ArmError::bad("LocationNotAvailableForResourceType", message))
        }
        (Some(wanted), None) => Ok(wanted),
        (None, None) => {
            Err(ArmError::bad("LocationRequired", "The location property is required for this definition."))
        }
    }
}

/// Writes what identifies a resource and its children into a body: ids, types, etags, states.
pub(super) fn stamp<T: Effect>(
    made: &mut Value,
    id: &str,
    location: &str,
    generation: u64,
    existing: Option<&Kept<T>>,
) {
    let etag = etag_of(id, generation);
    for (array, _) in T::CHILDREN {
        for child in body::list_mut(made, array).iter_mut() {
            let before = existing.and_then(|kept| body::child(&kept.body, array, body::name(child)));
            stamp_child::<T>(child, id, array, &etag, before);
        }
    }
    made["id"] = id.into();
    made["name"] = id.rsplit('/').next().unwrap_or_default().into();
    made["type"] = format!("Microsoft.Network/{}", T::TYPE).into();
    made["location"] = location.into();
    let guid = crate::ids::uuid(&format!("guid/{}", id.to_ascii_lowercase()));
    body::properties(made).insert("resourceGuid".to_owned(), guid.into());
    body::set_state(made, "Updating", &etag);
}

/// Identifies a child. One that means the same as before keeps its etag.
pub(super) fn stamp_child<T: Effect>(child: &mut Value, id: &str, array: &str, etag: &str, before: Option<&Value>) {
    let name = before.map_or_else(|| body::name(child).to_owned(), |before| body::name(before).to_owned());
    if !child.is_object() {
        *child = json!({});
    }
    child["name"] = name.clone().into();
    child["id"] = format!("{id}/{array}/{name}").into();
    child["type"] = format!("Microsoft.Network/{}/{array}", T::TYPE).into();
    let same = before.filter(|before| body::meaning(before) == body::meaning(child));
    let etag = same.map_or(etag, |before| body::etag(before)).to_owned();
    body::set_state(child, "Updating", &etag);
}
