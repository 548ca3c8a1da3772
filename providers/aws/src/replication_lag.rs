//! How far a secondary cluster lags behind, as the metrics of its own region tell.
//!
//! A missing or stale sample is unknown, never zero. Whether a lag is acceptable is decided elsewhere.

use crate::{
    arn::{Arn, region_of},
    connection::Aws,
    errors::{CallSite, classify},
};
use aws_sdk_cloudwatch::types::{Dimension, DimensionFilter, Metric, MetricDataQuery, MetricStat, ScanBy, StatusCode};
use jiff::{SignedDuration, Timestamp};
use lifeboat_contract::CallError;
use serde::{Deserialize, Serialize};

/// The lag of user transactions, and what older versions of Aurora for `MySQL` have instead.
const METRICS: [&str; 2] = ["AuroraGlobalDBRPOLag", "AuroraGlobalDBReplicationLag"];
/// A sample older than this says nothing about now.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(3);
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// One series for each set of dimensions; there are two sets, and a few sources.
const SERIES_MAX: usize = 10;

/// How far the target lags behind the writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lag {
    /// The target is the writer, or nobody needs to know.
    NotAsked,
    /// The worst fresh sample, and how old it is.
    Known {
        lag_ms: u64,
        age_ms: u64,
    },
    Unknown {
        why: String,
    },
}

/// When, and how many milliseconds.
type Sample = (Timestamp, f64);

/// One series of samples, newest first or not.
#[derive(Debug, Clone)]
struct Series {
    complete: bool,
    samples: Vec<Sample>,
}

/// Reads the lag. What cannot be read is unknown: whether that matters is not decided here.
pub(crate) async fn read(aws: &Aws, cluster_arn: &str, now: Timestamp) -> Lag {
    match try_read(aws, cluster_arn, now).await {
        Ok(series) => newest(&series, now),
        Err(error) => Lag::Unknown { why: format!("CloudWatch could not be read: {error}") },
    }
}

async fn try_read(aws: &Aws, cluster_arn: &str, now: Timestamp) -> Result<Vec<Series>, CallError> {
    let region = region_of(cluster_arn);
    let Some(cluster) = Arn::parse(cluster_arn).and_then(|arn| arn.resource.strip_prefix("cluster:")) else {
        return Ok(Vec::new());
    };
    for metric in METRICS {
        let metrics = list(aws, region, cluster, metric).await?;
        if !metrics.is_empty() {
            return samples(aws, region, metrics, now).await;
        }
    }
    Ok(Vec::new())
}

/// The dimension sets that exist: a query needs one of them exactly.
async fn list(aws: &Aws, region: &str, cluster: &str, metric: &str) -> Result<Vec<Metric>, CallError> {
    let at = CallSite { service: "monitoring", operation: "ListMetrics", region };
    let of_cluster = DimensionFilter::builder().name("DBClusterIdentifier").value(cluster).build();
    let answer = aws
        .cloudwatch(region)
        .await
        .list_metrics()
        .namespace("AWS/RDS")
        .metric_name(metric)
        .dimensions(of_cluster)
        .send()
        .await
        .map_err(|error| classify(&at, error))?;
    Ok(answer.metrics.unwrap_or_default())
}

async fn samples(aws: &Aws, region: &str, metrics: Vec<Metric>, now: Timestamp) -> Result<Vec<Series>, CallError> {
    let at = CallSite { service: "monitoring", operation: "GetMetricData", region };
    let queries = metrics.into_iter().take(SERIES_MAX).enumerate().map(|(index, metric)| {
        let metric = Metric::builder()
            .set_namespace(metric.namespace)
            .set_metric_name(metric.metric_name)
            .set_dimensions(Some(metric.dimensions.unwrap_or_default().into_iter().map(named).collect()))
            .build();
        let stat = MetricStat::builder().metric(metric).period(60).stat("Maximum").build();
        MetricDataQuery::builder().id(format!("lag{index}")).metric_stat(stat).return_data(true).build()
    });
    let start = now.saturating_sub(WINDOW).unwrap_or(now);
    let answer = aws
        .cloudwatch(region)
        .await
        .get_metric_data()
        .set_metric_data_queries(Some(queries.collect()))
        .start_time(aws_smithy_types::DateTime::from_millis(start.as_millisecond()))
        .end_time(aws_smithy_types::DateTime::from_millis(now.as_millisecond()))
        .scan_by(ScanBy::TimestampDescending)
        .send()
        .await
        .map_err(|error| classify(&at, error))?;
    Ok(answer.metric_data_results.unwrap_or_default().into_iter().map(series).collect())
}

fn named(dimension: Dimension) -> Dimension {
    Dimension::builder().set_name(dimension.name).set_value(dimension.value).build()
}

fn series(result: aws_sdk_cloudwatch::types::MetricDataResult) -> Series {
    let at = result.timestamps.unwrap_or_default().into_iter();
    let at = at.map(|at| at.to_millis().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()));
    let values = result.values.unwrap_or_default();
    Series {
        complete: result.status_code == Some(StatusCode::Complete),
        samples: at.zip(values).filter_map(|(at, value)| Some((at?, value))).collect(),
    }
}

/// The worst of the newest samples of all series that are fresh.
fn newest(series: &[Series], now: Timestamp) -> Lag {
    if series.is_empty() {
        return Lag::Unknown { why: "CloudWatch knows no lag metric of this cluster".to_owned() };
    }
    let newest_of = |series: &Series| series.samples.iter().copied().max_by_key(|(at, _)| *at);
    let newest =
        series.iter().filter(|series| series.complete).filter_map(newest_of).filter(|(_, lag_ms)| *lag_ms >= 0.0);
    let (fresh, stale): (Vec<Sample>, Vec<Sample>) = newest.partition(|(at, _)| now.duration_since(*at) <= STALE_AFTER);
    let worst = fresh.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
    match (worst, stale.iter().map(|(at, _)| *at).max()) {
        (Some((at, lag_ms)), _) => Lag::Known { lag_ms: whole_ms(lag_ms), age_ms: age_ms(now, at) },
        (None, Some(at)) => Lag::Unknown { why: format!("the newest sample is {} s old", age_ms(now, at) / 1000) },
        (None, None) => Lag::Unknown { why: "CloudWatch has no complete sample of the last 10 minutes".to_owned() },
    }
}

fn age_ms(now: Timestamp, at: Timestamp) -> u64 {
    u64::try_from(now.duration_since(at).as_millis()).unwrap_or(0)
}

/// Rounds up: a gate must not be passed by rounding.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; a lag of 580 million years saturates"
)]
fn whole_ms(ms: f64) -> u64 {
    ms.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn one(complete: bool, samples: &[(i64, f64)]) -> Series {
        Series { complete, samples: samples.iter().map(|&(second, value)| (at(second), value)).collect() }
    }

    #[test]
    fn the_newest_fresh_sample_counts() {
        let lag = newest(&[one(true, &[(940, 900.0), (1000, 80.2), (880, 5.0)])], at(1060));
        assert_eq!(lag, Lag::Known { lag_ms: 81, age_ms: 60_000 });
    }

    #[test]
    fn the_worst_of_several_series_counts_and_a_stale_one_does_not() {
        let series = [one(true, &[(1000, 10.0)]), one(true, &[(1000, 50.0)]), one(true, &[(100, 9000.0)])];
        assert_eq!(newest(&series, at(1030)), Lag::Known { lag_ms: 50, age_ms: 30_000 });
    }

    #[test]
    fn missing_stale_and_incomplete_are_unknown_and_never_zero() {
        for series in [
            vec![],
            vec![one(true, &[])],
            vec![one(true, &[(1000, 1.0)])],
            vec![one(false, &[(1190, 1.0)])],
            vec![one(true, &[(1190, -1.0)])],
        ] {
            let lag = newest(&series, at(1200));
            assert!(matches!(lag, Lag::Unknown { .. }), "{series:?}: {lag:?}");
        }
    }
}
