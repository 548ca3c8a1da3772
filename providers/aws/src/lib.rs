//! Step kinds for AWS, through the official SDKs.
