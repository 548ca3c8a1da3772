//! `CloudWatch`'s operations. Does not read HTTP.

use super::{
    CloudWatch, MetricKey, Series,
    statistics::{Bucket, buckets},
};
use crate::{
    codec::ApiError,
    shape::{Shape, from_seconds},
};
use jiff::Timestamp;
use serde_json::Value;

/// The operations that change nothing, by how their names begin.
pub(crate) const READS: &[&str] = &["Get", "List", "Describe"];

type Reply = Result<Shape, ApiError>;

const DATAPOINTS_MAX: usize = 1440;

impl CloudWatch {
    /// Answers one call to one region.
    pub(crate) fn answer(&mut self, operation: &str, input: &Value, region: &str, now: Timestamp) -> Reply {
        match operation {
            "ListMetrics" => Ok(self.list(input, region)),
            "GetMetricData" => self.data(input, region),
            "GetMetricStatistics" => self.statistics(input, region),
            "PutMetricData" => self.put(input, region, now),
            "DescribeAlarms" => Ok(Shape::Struct(vec![
                ("CompositeAlarms", Shape::List("member", Vec::new())),
                ("MetricAlarms", Shape::List("member", Vec::new())),
            ])),
            _ => Err(ApiError::new(
                "InvalidAction",
                400,
                format!("could not find operation {operation} for version 2010-08-01"),
            )),
        }
    }

    fn list(&self, input: &Value, region: &str) -> Shape {
        let namespace = text(input, "Namespace");
        let name = text(input, "MetricName");
        let filters = list(input, "Dimensions");
        let chosen = self.series.iter().filter(|series| {
            series.region == region
                && namespace.is_none_or(|namespace| namespace == series.namespace)
                && name.is_none_or(|name| name == series.name)
                && filters.iter().all(|filter| {
                    let (name, value) = (text(filter, "Name").unwrap_or_default(), text(filter, "Value"));
                    series.dimensions.iter().any(|(n, v)| n == name && value.is_none_or(|value| value == v))
                })
        });
        let metrics = chosen
            .map(|series| {
                Shape::Struct(vec![
                    ("Namespace", (&series.namespace).into()),
                    ("MetricName", (&series.name).into()),
                    ("Dimensions", dimensions_out(series)),
                ])
            })
            .collect();
        Shape::Struct(vec![("Metrics", Shape::List("member", metrics))])
    }

    fn data(&self, input: &Value, region: &str) -> Reply {
        let (from, until) = window(input)?;
        let descending = text(input, "ScanBy") != Some("TimestampAscending");
        let limit = input.get("MaxDatapoints").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let queries = list(input, "MetricDataQueries");
        if queries.is_empty() {
            return Err(missing("MetricDataQueries"));
        }
        let results: Result<Vec<Shape>, ApiError> = queries
            .iter()
            .filter(|query| query.get("ReturnData").and_then(Value::as_bool).unwrap_or(true))
            .map(|query| self.query(query, region, (from, until), descending, limit.unwrap_or(usize::MAX)))
            .collect();
        Ok(Shape::Struct(vec![
            ("MetricDataResults", Shape::List("member", results?)),
            ("Messages", Shape::List("member", Vec::new())),
        ]))
    }

    fn query(
        &self,
        query: &Value,
        region: &str,
        window: (Timestamp, Timestamp),
        descending: bool,
        limit: usize,
    ) -> Result<Shape, ApiError> {
        let id = text(query, "Id").ok_or_else(|| missing("Id"))?;
        let stat = query.get("MetricStat").filter(|stat| stat.is_object());
        let stat =
            stat.ok_or_else(|| invalid("expressions are not part of the simulated world: a query needs MetricStat"))?;
        let metric = stat.get("Metric").unwrap_or(&Value::Null);
        let period = period(stat)?;
        let statistic = text(stat, "Stat").ok_or_else(|| missing("Stat"))?;
        let name = text(metric, "MetricName").unwrap_or_default();
        let mut points = self.points(metric, region, window, period, text(stat, "Unit"));
        if descending {
            points.reverse();
        }
        points.truncate(limit.min(DATAPOINTS_MAX));
        let mut times = Vec::new();
        let mut values = Vec::new();
        for bucket in points {
            let value =
                bucket.statistic(statistic).ok_or_else(|| invalid(&format!("{statistic} is not a statistic")))?;
            times.push(Shape::Time(bucket.start));
            values.push(Shape::Number(value));
        }
        Ok(Shape::Struct(vec![
            ("Id", id.into()),
            ("Label", text(query, "Label").unwrap_or(name).into()),
            ("Timestamps", Shape::List("member", times)),
            ("Values", Shape::List("member", values)),
            ("StatusCode", "Complete".into()),
        ]))
    }

    fn statistics(&self, input: &Value, region: &str) -> Reply {
        let (from, until) = window(input)?;
        let period = period(input)?;
        let wanted: Vec<&str> = list(input, "Statistics").iter().filter_map(Value::as_str).collect();
        if wanted.is_empty() {
            return Err(ApiError::new("InvalidParameterCombination", 400, "at least one of Statistics must be given"));
        }
        let unit = self.series_of(input, region).map_or("None", |series| series.unit.as_str()).to_owned();
        let points = self.points(input, region, (from, until), period, text(input, "Unit"));
        let datapoints = points.into_iter().take(DATAPOINTS_MAX).map(|bucket| {
            let mut fields = vec![("Timestamp", Shape::Time(bucket.start)), ("Unit", unit.as_str().into())];
            for statistic in ["SampleCount", "Average", "Sum", "Minimum", "Maximum"] {
                if wanted.contains(&statistic) {
                    fields.push((statistic, bucket.statistic(statistic).map_or(Shape::Absent, Shape::Number)));
                }
            }
            Shape::Struct(fields)
        });
        Ok(Shape::Struct(vec![
            ("Label", text(input, "MetricName").unwrap_or_default().into()),
            ("Datapoints", Shape::List("member", datapoints.collect())),
        ]))
    }

    fn put(&mut self, input: &Value, region: &str, now: Timestamp) -> Reply {
        let namespace = text(input, "Namespace").ok_or_else(|| missing("Namespace"))?;
        for datum in list(input, "MetricData") {
            let name = text(datum, "MetricName").ok_or_else(|| missing("MetricName"))?;
            let dimensions = dimensions_in(datum);
            let key = MetricKey { region, namespace, name, dimensions: &dimensions };
            let at = datum.get("Timestamp").and_then(Value::as_f64).and_then(from_seconds).unwrap_or(now);
            let unit = text(datum, "Unit").unwrap_or("None");
            let one = datum.get("Value").and_then(number);
            let several = list(datum, "Values").iter().filter_map(number);
            let values: Vec<f64> = one.into_iter().chain(several).collect();
            if self.find(key).is_none() && !self.has_room() {
                return Err(ApiError::new("LimitExceeded", 400, "this world keeps no more metrics"));
            }
            for value in values {
                self.publish(key, unit, at, value);
            }
        }
        Ok(Shape::Struct(Vec::new()))
    }

    fn points(
        &self,
        metric: &Value,
        region: &str,
        (from, until): (Timestamp, Timestamp),
        period: i64,
        unit: Option<&str>,
    ) -> Vec<Bucket> {
        let series = self.series_of(metric, region).filter(|series| unit.is_none_or(|unit| unit == series.unit));
        series.map(|series| buckets(&series.points, from, until, period)).unwrap_or_default()
    }

    /// The one series with exactly these dimensions.
    fn series_of(&self, metric: &Value, region: &str) -> Option<&Series> {
        let dimensions = dimensions_in(metric);
        let (namespace, name) = (text(metric, "Namespace")?, text(metric, "MetricName")?);
        self.find(MetricKey { region, namespace, name, dimensions: &dimensions })
    }
}

fn text<'a>(input: &'a Value, field: &str) -> Option<&'a str> {
    input.get(field).and_then(Value::as_str)
}

/// A number, also where a query has it as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|number: &f64| number.is_finite())
}

fn list<'a>(input: &'a Value, field: &str) -> &'a [Value] {
    input.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn dimensions_in(metric: &Value) -> Vec<(String, String)> {
    let pairs = list(metric, "Dimensions").iter();
    let mut dimensions: Vec<_> = pairs
        .filter_map(|dimension| Some((text(dimension, "Name")?.to_owned(), text(dimension, "Value")?.to_owned())))
        .collect();
    dimensions.sort();
    dimensions
}

fn dimensions_out(series: &Series) -> Shape {
    let pairs = series.dimensions.iter();
    Shape::List("member", pairs.map(|(n, v)| Shape::Struct(vec![("Name", n.into()), ("Value", v.into())])).collect())
}

fn window(input: &Value) -> Result<(Timestamp, Timestamp), ApiError> {
    let moment = |field: &str| {
        let seconds = input.get(field).and_then(Value::as_f64).ok_or_else(|| missing(field))?;
        from_seconds(seconds).ok_or_else(|| invalid(&format!("{field} is not a time")))
    };
    let (from, until) = (moment("StartTime")?, moment("EndTime")?);
    if from < until { Ok((from, until)) } else { Err(invalid("StartTime must be before EndTime")) }
}

fn period(input: &Value) -> Result<i64, ApiError> {
    let period = input.get("Period").ok_or_else(|| missing("Period"))?;
    let period = period.as_i64().filter(|period| (1..=86_400 * 365).contains(period));
    period.ok_or_else(|| invalid("Period must be a positive number of seconds"))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("InvalidParameterValue", 400, message)
}

fn missing(field: &str) -> ApiError {
    ApiError::new("MissingParameter", 400, format!("The parameter {field} is required."))
}
