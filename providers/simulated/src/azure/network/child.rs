//! Answers for the children of a resource: routes, rules, backend pools. A write to one makes its parent busy.

use super::{
    body,
    kept::{Effect, etag_of},
    serve::stamp_child,
};
use crate::azure::{ArmCx, ArmError, ArmReply, ArmRequest, Azure};
use http::Method;
use serde_json::{Value, json};

impl Azure {
    pub(super) fn serve_child<T: Effect>(
        &mut self,
        request: &ArmRequest<'_>,
        cx: &ArmCx<'_>,
    ) -> Result<ArmReply, ArmError> {
        let path = &request.path;
        let kind = path.types.get(1).map(|(kind, _)| kind).or(path.rest.as_ref()).map(String::as_str);
        let known = T::CHILDREN.iter().find(|(array, _)| kind.is_some_and(|kind| kind.eq_ignore_ascii_case(array)));
        let Some((array, writable)) = known else { return Err(ArmError::unknown_type(path)) };
        let key = path.root_key();
        let parent = T::all(&self.network).get(&key).ok_or_else(|| ArmError::parent_not_found(request))?;
        match (&path.rest, &request.method) {
            (Some(_), &Method::GET) => {
                let shown = self.network.shown(&key, parent);
                let listed: Vec<&Value> = body::list(&shown, array).collect();
                Ok(ArmReply::Json(200, json!({ "value": listed })))
            }
            (None, &Method::GET) => {
                let shown = self.network.shown(&key, parent);
                let found = body::child(&shown, array, path.name()).cloned();
                found.map(|child| ArmReply::Json(200, child)).ok_or_else(|| ArmError::child_not_found(path))
            }
            (None, &Method::PUT) if *writable => self.put_child::<T>(request, cx, array),
            (None, &Method::DELETE) if *writable => self.delete_child::<T>(request, cx, array),
            (_, method) => Err(ArmError::method_not_allowed(method)),
        }
    }

    fn put_child<T: Effect>(
        &mut self,
        request: &ArmRequest<'_>,
        cx: &ArmCx<'_>,
        array: &str,
    ) -> Result<ArmReply, ArmError> {
        let key = request.path.root_key();
        let parent = T::all(&self.network).get(&key).ok_or_else(|| ArmError::parent_not_found(request))?;
        let before = body::child(&parent.body, array, request.path.name()).cloned();
        request.preconditions(before.as_ref().map(body::etag))?;
        self.not_busy(Some(parent))?;
        let generation = parent.generation + 1;
        let etag = etag_of(&parent.id, generation);
        let mut child = body::without_nulls(request.resource_body()?);
        child["name"] = request.path.name().into();
        stamp_child::<T>(&mut child, &parent.id, array, &etag, before.as_ref());
        let mut made = parent.body.clone();
        match body::child_mut(&mut made, array, request.path.name()) {
            Some(place) => *place = child,
            None => body::list_mut(&mut made, array).push(child),
        }
        T::complete(&mut made, Some(parent), &self.network)?;
        body::set_state(&mut made, "Updating", &etag);
        let written = body::child(&made, array, request.path.name()).cloned().unwrap_or_default();
        self.network.check_references(&parent.id, &written)?;
        T::read(&made)?.check(&key, &self.network)?;
        let kept = T::all_mut(&mut self.network).get_mut(&key).expect("the parent has been found");
        kept.body = made;
        kept.generation = generation;
        let name = body::name(&written).to_owned();
        let pending = self.pending(cx, false, Some((array.to_owned(), name)));
        Ok(self.begin::<T>(&key, pending, if before.is_none() { 201 } else { 200 }, cx))
    }

    fn delete_child<T: Effect>(
        &mut self,
        request: &ArmRequest<'_>,
        cx: &ArmCx<'_>,
        array: &str,
    ) -> Result<ArmReply, ArmError> {
        let key = request.path.root_key();
        let parent = T::all(&self.network).get(&key).ok_or_else(|| ArmError::parent_not_found(request))?;
        let Some(child) = body::child(&parent.body, array, request.path.name()) else {
            return Ok(ArmReply::Empty(204));
        };
        request.preconditions(Some(body::etag(child)))?;
        self.not_busy(Some(parent))?;
        let mut without = parent.body.clone();
        body::remove_child(&mut without, array, request.path.name());
        // What is left must still make sense: a rule may use the pool that goes.
        T::read(&without)?;
        let name = body::name(child).to_owned();
        let kept = T::all_mut(&mut self.network).get_mut(&key).expect("the parent has been found");
        kept.generation += 1;
        let etag = etag_of(&kept.id, kept.generation);
        body::set_state(&mut kept.body, "Updating", &etag);
        if let Some(child) = body::child_mut(&mut kept.body, array, &name) {
            body::set_state(child, "Deleting", &etag);
        }
        let pending = self.pending(cx, true, Some((array.to_owned(), name)));
        Ok(self.begin::<T>(&key, pending, 202, cx))
    }
}
