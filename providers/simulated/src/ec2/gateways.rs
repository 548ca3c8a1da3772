//! Internet gateways. What lies behind one is not simulated.

use super::{
    Ec2, InternetGateway,
    listing::Listing,
    operations::done,
    refused::{INTERNET_GATEWAY, invalid},
};
use crate::{
    codec::{ApiError, Params, ServiceCx},
    shape::Shape,
};

const LISTING: Listing = Listing {
    ids: "InternetGatewayId",
    id: &["internetGatewayId"],
    kind: INTERNET_GATEWAY,
    set: "internetGatewaySet",
    filters: &[
        ("attachment.state", &["attachmentSet", "state"]),
        ("attachment.vpc-id", &["attachmentSet", "vpcId"]),
        ("internet-gateway-id", &["internetGatewayId"]),
        ("owner-id", &["ownerId"]),
    ],
    page: 1000,
};

impl Ec2 {
    pub(super) fn describe_internet_gateways(&self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        LISTING
            .answer(params, self.internet_gateways.values().map(|gateway| self.describe_gateway(gateway, cx)).collect())
    }

    fn describe_gateway(&self, gateway: &InternetGateway, cx: &ServiceCx<'_>) -> Shape {
        let attachment =
            gateway.vpc.iter().map(|vpc| Shape::Struct(vec![("vpcId", vpc.into()), ("state", "available".into())]));
        Shape::Struct(vec![
            ("internetGatewayId", (&gateway.id).into()),
            ("ownerId", cx.account.into()),
            ("attachmentSet", Shape::List("item", attachment.collect())),
            ("tagSet", self.tag_set(&gateway.id)),
        ])
    }

    pub(super) fn create_internet_gateway(&mut self, params: &Params, cx: &ServiceCx<'_>) -> Result<Shape, ApiError> {
        let id = self.fresh("igw-", cx);
        let gateway = InternetGateway { id: id.clone(), vpc: None };
        self.tag_new(params, &INTERNET_GATEWAY, &id)?;
        let described = self.describe_gateway(&gateway, cx);
        self.internet_gateways.insert(id, gateway);
        Ok(Shape::Struct(vec![("internetGateway", described)]))
    }

    pub(super) fn delete_internet_gateway(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let id = params.required("InternetGatewayId")?;
        if self.find_gateway_mut(id)?.vpc.is_some() {
            return Err(INTERNET_GATEWAY.depended_on(id));
        }
        self.internet_gateways.remove(id);
        self.tags.remove(id);
        Ok(done())
    }

    pub(super) fn attach_internet_gateway(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let (id, vpc) = (params.required("InternetGatewayId")?, params.required("VpcId")?);
        self.find_vpc(vpc)?;
        if let Some(present) = self.internet_gateways.values().find(|gateway| gateway.vpc.as_deref() == Some(vpc)) {
            let code = if present.id == id { "Resource.AlreadyAssociated" } else { "InvalidParameterValue" };
            return Err(ApiError::bad(code, format!("Network {vpc} already has an internet gateway attached")));
        }
        let gateway = self.find_gateway_mut(id)?;
        if let Some(other) = &gateway.vpc {
            let message = format!("resource {id} is already attached to network {other}");
            return Err(ApiError::bad("Resource.AlreadyAssociated", message));
        }
        gateway.vpc = Some(vpc.to_owned());
        Ok(done())
    }

    pub(super) fn detach_internet_gateway(&mut self, params: &Params) -> Result<Shape, ApiError> {
        let (id, vpc) = (params.required("InternetGatewayId")?, params.required("VpcId")?);
        if vpc.is_empty() {
            return Err(invalid("vpcId is empty"));
        }
        let gateway = self.find_gateway_mut(id)?;
        if gateway.vpc.as_deref() != Some(vpc) {
            let message = format!("resource {id} is not attached to network {vpc}");
            return Err(ApiError::bad("Gateway.NotAttached", message));
        }
        gateway.vpc = None;
        Ok(done())
    }

    fn find_gateway_mut(&mut self, id: &str) -> Result<&mut InternetGateway, ApiError> {
        self.internet_gateways.get_mut(id).ok_or_else(|| INTERNET_GATEWAY.missing(id))
    }
}
