//! `CloudWatch`: series of metrics, by region. Does not decide what a database's lag is: samples are handed to it.

mod input;
mod operations;
mod statistics;
mod wire;

pub(crate) use operations::READS;
pub(crate) use wire::{Request, read_json};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many points a series keeps: a day of minutes.
const POINTS_MAX: usize = 1440;
/// How many series callers may create.
const SERIES_MAX: usize = 5000;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CloudWatch {
    pub(crate) series: Vec<Series>,
}

/// One metric: a region, a name, and an exact set of dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) region: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Sorted by name.
    pub(crate) dimensions: Vec<(String, String)>,
    pub(crate) unit: String,
    /// In order of time.
    pub(crate) points: Vec<(Timestamp, f64)>,
}

/// What identifies a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MetricKey<'a> {
    pub(crate) region: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) dimensions: &'a [(String, String)],
}

impl CloudWatch {
    pub(crate) fn find(&self, key: MetricKey<'_>) -> Option<&Series> {
        self.series.iter().find(|series| series.is(key))
    }

    /// Adds a sample. Later samples come later.
    pub(crate) fn publish(&mut self, key: MetricKey<'_>, unit: &str, at: Timestamp, value: f64) {
        let place = self.series.iter().position(|series| series.is(key)).unwrap_or_else(|| {
            self.series.push(Series {
                region: key.region.to_owned(),
                namespace: key.namespace.to_owned(),
                name: key.name.to_owned(),
                dimensions: key.dimensions.to_vec(),
                unit: unit.to_owned(),
                points: Vec::new(),
            });
            self.series.len() - 1
        });
        let points = &mut self.series[place].points;
        let slot = points.partition_point(|(earlier, _)| *earlier <= at);
        points.insert(slot, (at, value));
        if points.len() > POINTS_MAX {
            points.remove(0);
        }
    }

    /// Whether a caller may still create a series.
    fn has_room(&self) -> bool {
        self.series.len() < SERIES_MAX
    }
}

impl Series {
    fn is(&self, key: MetricKey<'_>) -> bool {
        self.region == key.region
            && self.namespace == key.namespace
            && self.name == key.name
            && self.dimensions == key.dimensions
    }
}
