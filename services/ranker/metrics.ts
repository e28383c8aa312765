import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { EventOutcome } from '../../pipelines/ingest/ingest.ts'
import { type Skew, skewFamilies } from '../../pipelines/join/skew.ts'

/** What Prometheus reads at /metrics. Durations are seconds, as is its custom, with buckets down to a millisecond. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'polyrank_http_request_duration_seconds',
      help: 'Time to answer, by route and status',
      labelNames: ['route', 'status'],
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    }),
    rankCandidates: new Histogram({
      name: 'polyrank_rank_candidates',
      help: 'Candidates a ranking request',
      labelNames: ['ranker'],
      buckets: [1, 4, 16, 64, 256, 1024, 5000],
      registers,
    }),
    degraded: new Counter({
      name: 'polyrank_rank_degraded_total',
      help: 'Answers with something missing, by what',
      labelNames: ['what'],
      registers,
    }),
    events: new Counter({
      name: 'polyrank_events_total',
      help: 'Events by outcome',
      labelNames: ['outcome', 'code'],
      registers,
    }),
    joined: new Counter({ name: 'polyrank_join_events_total', help: 'Events joined', registers }),
    served: new Counter({
      name: 'polyrank_skew_compared_total',
      help: 'Features that slates were served with, compared with what the join comes to, by family',
      labelNames: ['family'],
      registers,
    }),
    skewed: new Counter({
      name: 'polyrank_skew_different_total',
      help: 'Those of them that differ; some always do, by what happened in the moments before a request',
      labelNames: ['family'],
      registers,
    }),
    behind: new Gauge({
      name: 'polyrank_source_behind_seconds',
      help: 'Age of the newest moment up to which all of a live source has come',
      labelNames: ['source'],
      registers,
    }),
    lag: new Gauge({
      name: 'polyrank_kafka_lag_records',
      help: 'Records of a partition that this process has yet to take',
      labelNames: ['topic', 'partition'],
      registers,
    }),
    stopped: new Gauge({
      name: 'polyrank_kafka_partition_stopped',
      help: '1 for a partition that is read no more until somebody acts, by the reason',
      labelNames: ['topic', 'partition', 'code'],
      registers,
    }),
    deadLetters: new Gauge({
      name: 'polyrank_dead_letters_open',
      help: 'Events that were set aside and wait for somebody to mend or drop them',
      registers,
    }),
    activeVersion: new Gauge({
      name: 'polyrank_active_version',
      help: '1 for the version that serves',
      labelNames: ['ranker', 'version'],
      registers,
    }),
  }
}
export type Metrics = ReturnType<typeof createMetrics>

export function countOutcomes({ events }: Metrics, outcomes: readonly EventOutcome[]): void {
  for (const { outcome, code = '' } of outcomes) events.inc({ outcome, code })
}

export function countSkew({ served, skewed }: Metrics, skew: Skew): void {
  for (const family of skewFamilies) {
    served.inc({ family }, skew[family].compared)
    skewed.inc({ family }, skew[family].different)
  }
}
