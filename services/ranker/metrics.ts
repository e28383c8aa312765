import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

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
    activeVersion: new Gauge({
      name: 'polyrank_active_version',
      help: '1 for the version that serves',
      labelNames: ['ranker', 'version'],
      registers,
    }),
  }
}
export type Metrics = ReturnType<typeof createMetrics>
