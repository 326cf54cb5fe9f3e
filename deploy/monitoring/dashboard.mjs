// Writes dashboard.json: node deploy/monitoring/dashboard.mjs. A panel is a line here and forty in Grafana's format.
// `here` is what the variables choose; what is marked (record) in README.md is taken from the recorded series, by max.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = 'namespace=~"$namespace",job=~"$job"';
const storefront = 'route!~"/v1/reconciliation/.*|/openapi.yaml|/docs|unmatched"';
const create = 'method="POST",route="/v1/checkout-sessions"';
const ours = 'code=~"internal_error|database_unavailable|overloaded"';

const rate = (metric, matchers = '') => `rate(${metric}{${[here, matchers].filter(Boolean).join(',')}}[$__rate_interval])`;
const sum = (by, metric, matchers) => `sum by (${by}) (${rate(metric, matchers)})`;
const total = (metric, matchers) => `sum (${rate(metric, matchers)})`;
const max = (series, by = '') => `max ${by && `by (${by}) `}(${series}{${here}})`;
const quantile = (q, metric, matchers, by = '') => `histogram_quantile(${q}, ${sum(by ? `le, ${by}` : 'le', `${metric}_bucket`, matchers)})`;
const quantiles = (metric, matchers) => [
    [quantile(0.5, metric, matchers), 'half'],
    [quantile(0.95, metric, matchers), '95 %'],
    [quantile(0.99, metric, matchers), '99 %'],
];

/** `{title, unit, queries: [[expr, legend]]}`; `about` is shown on hover, `stat` is one big number, `limit` turns it red. */
const rows = [
    ['What users feel', [
        { title: 'Replicas ready', stat: true, unit: 'none', queries: [[`sum (checkout_ready{${here}})`, 'ready']],
          about: 'What /readyz answered last. None: CheckoutNotReady.' },
        { title: 'Requests that fail, ours', stat: true, unit: 'percentunit', limit: 0.001,
          queries: [[`(sum (checkout:errors:rate5m{${here}}) or vector(0)) / sum (checkout:requests:rate5m{${here}})`, 'errors']],
          about: '5xx that are not Clink\'s, without finance\'s reads. 99.9 % are to be free of them.' },
        { title: 'Creates over 2.5 s', stat: true, unit: 'percentunit', limit: 0.1,
          queries: [[`1 - ${total('checkout_http_request_duration_seconds_bucket', `${create},le="2.5"`)} / `
              + total('checkout_http_request_duration_seconds_count', create), 'slow']] },
        { title: 'Certificate expires in', stat: true, unit: 's',
          queries: [[`min (checkout_tls_certificate_expiry_timestamp_seconds{${here}}) - time()`, 'left']] },
        { title: 'Requests by route', unit: 'reqps', queries: [[sum('route', 'checkout_http_requests_total'), '{{route}}']] },
        { title: 'Answers by status', unit: 'reqps', queries: [[sum('status', 'checkout_http_requests_total', storefront), '{{status}}']],
          about: 'Without finance\'s reads and the documentation.' },
        { title: 'Problems by code', unit: 'reqps', queries: [[sum('code', 'checkout_http_problems_total'), '{{code}}']],
          about: 'clink_… are Clink\'s; internal_error, database_unavailable and overloaded are ours; the others are the caller\'s.' },
        { title: 'Creates: time to a checkout page', unit: 's', queries: quantiles('checkout_http_request_duration_seconds', create) },
        { title: '95 % of the answers by route', unit: 's',
          queries: [[quantile(0.95, 'checkout_http_request_duration_seconds', 'route!="unmatched"', 'route'), '{{route}}']] },
        { title: 'Errors of ours by route', unit: 'reqps', queries: [[sum('route', 'checkout_http_problems_total', ours), '{{route}}']] },
    ]],
    ['Money', [
        { title: 'Open discrepancies', stat: true, unit: 'none', limit: 1, queries: [[`sum (${max('checkout:discrepancies_open:max', 'kind')})`, 'open']] },
        { title: 'Overdue sessions', stat: true, unit: 'none', limit: 1, queries: [[max('checkout:overdue_sessions:max'), 'overdue']],
          about: 'Released, an hour past their expiry, without Clink\'s word.' },
        { title: 'Exposed orders', stat: true, unit: 'none', queries: [[max('checkout:exposed_orders:max'), 'exposed']],
          about: 'More than one page that can be paid is out.' },
        { title: 'Oldest unsettled session', stat: true, unit: 's', limit: 259200,
          queries: [[max('checkout:oldest_unsettled_session_age_seconds:max'), 'age']] },
        { title: 'Open discrepancies by kind', unit: 'none', queries: [[`${max('checkout:discrepancies_open:max', 'kind')} > 0`, '{{kind}}']] },
        { title: 'Time to know of a payment', unit: 's', queries: quantiles('checkout_time_to_know_seconds') },
        { title: 'Payments by what they were learned from', unit: 'reqps',
          queries: [[sum('evidence', 'checkout_time_to_know_seconds_count'), '{{evidence}}']] },
        { title: 'Payments by verdict', unit: 'reqps', queries: [[sum('verdict', 'checkout_payments_recorded_total'), '{{verdict}}']] },
        { title: 'Sessions by state', unit: 'none', queries: [[max('checkout:sessions:max', 'state'), '{{state}}']] },
        { title: 'Exposure', unit: 's', queries: [[`max (increase(checkout_exposure_order_seconds_total{${here}}[1h]))`, 'order-seconds in an hour']],
          about: 'Order-seconds in which an order could be paid twice.' },
    ]],
    ['Clink', [
        { title: 'Calls by outcome', unit: 'reqps',
          queries: [[sum('operation, outcome', 'checkout_clink_call_duration_seconds_count'), '{{operation}} {{outcome}}']] },
        { title: 'Calls without an answer', unit: 'percentunit', queries: [[
            `sum by (operation) (checkout:clink_calls:rate5m{${here},outcome=~"never_sent|unknown"})`
            + ` / sum by (operation) (checkout:clink_calls:rate5m{${here}})`, '{{operation}}']] },
        { title: '95 % of Clink\'s answers', unit: 's',
          queries: [[quantile(0.95, 'checkout_clink_call_duration_seconds', '', 'operation'), '{{operation}}']] },
        { title: 'Attempts', unit: 'reqps', queries: [[sum('outcome', 'checkout_attempts_total'), '{{outcome}}']],
          about: 'dark: the outcome is unknown; fenced: the lease was lost.' },
        { title: 'Creates that hold an attempt', unit: 'none', queries: [[`sum (checkout_creates_in_flight{${here}})`, 'in flight']] },
        { title: 'Breaker open', unit: 'none', queries: [[`checkout_clink_circuit_open{${here}}`, '{{instance}}']],
          about: 'The sweeper holds its questions back because Clink does not answer.' },
    ]],
    ['Database', [
        { title: 'Operations that wait', unit: 'none', queries: [[`sum by (pool) (checkout_database_queue_depth{${here}})`, '{{pool}}']] },
        { title: '99 % waited for a connection', unit: 's', queries: [[quantile(0.99, 'checkout_database_queue_wait_seconds', '', 'pool'), '{{pool}}']] },
        { title: 'Connections', unit: 'none', queries: [
            [`sum by (pool) (checkout_database_connections{${here}})`, '{{pool}} open'],
            [`sum by (pool) (checkout_database_connections_busy{${here}})`, '{{pool}} busy']] },
        { title: 'Operations', unit: 'ops', queries: [[sum('operation', 'checkout_database_operation_duration_seconds_count'), '{{operation}}']] },
        { title: '95 % of the operations', unit: 's',
          queries: [[quantile(0.95, 'checkout_database_operation_duration_seconds', '', 'operation'), '{{operation}}']] },
        { title: 'Operations that fail', unit: 'ops', queries: [[sum('pool, reason', 'checkout_database_operations_failed_total'), '{{pool}} {{reason}}']],
          about: 'conflict is tried again and no failure.' },
    ]],
    ['Sweeper, webhooks, feed', [
        { title: 'Sweeper lag', unit: 's', queries: [[max('checkout:sweeper_lag_seconds:max'), 'lag']] },
        { title: 'Questions due', unit: 'none', queries: [[max('checkout_sweeper_due'), 'due']], about: 'Counted to 10000 each of three kinds.' },
        { title: 'Webhooks by outcome', unit: 'reqps', queries: [[sum('outcome', 'checkout_webhooks_total'), '{{outcome}}']] },
        { title: 'Webhooks pending', unit: 'none', queries: [[max('checkout:webhooks_pending:max'), 'pending']], about: 'Counted to 10000.' },
        { title: 'Feed lag', unit: 's', queries: [[max('checkout:feed_lag_seconds:max'), 'lag']], about: 'How old finance\'s asOf is.' },
        { title: 'Finance\'s lag', unit: 's', queries: [[max('checkout:finance_lag_seconds:min'), 'lag']],
          about: 'The same in the database that finance reads: a standby\'s lag comes on top.' },
        { title: 'Events without a number', unit: 'none', queries: [[max('checkout:feed_pending:max'), 'pending']], about: 'Counted to 10000.' },
        { title: 'Readers of the feed that wait', unit: 'none', queries: [[`checkout_feed_readers_waiting{${here}}`, '{{instance}}']],
          about: 'A quarter of MAX_IN_FLIGHT may, 256 at most; one more is refused.' },
        { title: 'Age of what is read from the record', unit: 's', queries: [[`checkout:record_age_seconds{${here}}`, '{{instance}}']] },
        { title: 'Reads of the record that failed', unit: 'ops', queries: [[sum('instance', 'checkout_record_read_failures_total'), '{{instance}}']] },
    ]],
    ['Process', [
        { title: 'Memory', unit: 'bytes', queries: [[`process_resident_memory_bytes{${here}}`, '{{instance}}']] },
        { title: 'Processor', unit: 'none', queries: [[rate('process_cpu_seconds_total'), '{{instance}}']], about: 'Cores.' },
        { title: 'Threads', unit: 'none', queries: [[`process_threads{${here}}`, '{{instance}}']] },
        { title: 'Open files', unit: 'percentunit', queries: [[`process_open_fds{${here}} / process_max_fds{${here}}`, '{{instance}}']] },
        { title: 'Connections', unit: 'none', queries: [
            [`sum by (listener) (checkout_http_connections{${here}})`, '{{listener}}'],
            [`sum (checkout_http_requests_in_flight{${here}})`, 'requests being worked on']] },
        { title: 'Connections refused', unit: 'ops', queries: [[sum('listener', 'checkout_http_connections_refused_total'), '{{listener}}']] },
        { title: 'Up since', unit: 's', queries: [[`time() - process_start_time_seconds{${here}}`, '{{instance}}']] },
        { title: 'Builds', unit: 'none', queries: [
            [`count by (version, revision) (checkout_build_info{${here}})`, '{{version}} {{revision}}'],
            [`sum (checkout_draining{${here}})`, 'draining']] },
        { title: 'Log lines', unit: 'ops', queries: [[sum('level', 'checkout_log_lines_total'), '{{level}}']] },
        { title: 'Spans', unit: 'ops', queries: [[sum('outcome', 'checkout_spans_total'), '{{outcome}}']],
          about: 'For the trace collector, where one is set.' },
    ]],
];

const datasource = { type: 'prometheus', uid: '${datasource}' };
let id = 0;
let y = 0;

function makePanel({ title, about, unit, stat = false, limit, queries }, gridPos) {
    const steps = [{ color: 'green', value: null }, ...(limit === undefined ? [] : [{ color: 'red', value: limit }])];
    return {
        id: ++id,
        type: stat ? 'stat' : 'timeseries',
        title,
        ...(about && { description: about }),
        datasource,
        gridPos,
        fieldConfig: { defaults: { unit, min: 0, thresholds: { mode: 'absolute', steps } }, overrides: [] },
        options: stat
            ? { colorMode: 'value', graphMode: 'area', reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } }
            : { legend: { displayMode: 'list', placement: 'bottom', showLegend: true }, tooltip: { mode: 'multi', sort: 'desc' } },
        targets: queries.map(([expr, legendFormat], index) => ({ refId: 'ABCDEF'[index], datasource, expr, legendFormat, range: true })),
    };
}

/** The big numbers share a line of their own; the graphs follow, three to a line. */
function placeRow([title, panels]) {
    const placed = [{ id: ++id, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: 24, h: 1 }, panels: [] }];
    for (const [kind, h] of [[panels.filter(({ stat }) => stat), 4], [panels.filter(({ stat }) => !stat), 8]]) {
        const columns = h === 4 ? kind.length : 3;
        const w = 24 / columns;
        kind.forEach((panel, index) => {
            placed.push(makePanel(panel, { x: (index % columns) * w, y: y + Math.floor(index / columns) * h, w, h }));
        });
        if (kind.length > 0) y += Math.ceil(kind.length / columns) * h;
    }
    return placed;
}

const choice = (name, query) => ({
    name, label: name, type: 'query', datasource, query: { query, refId: name }, refresh: 2, sort: 1, hide: 0,
    multi: true, includeAll: true, allValue: '.*', current: { selected: true, text: ['All'], value: ['$__all'] }, options: [],
});

const dashboard = {
    uid: 'clink-checkout',
    title: 'clink-checkout',
    description: 'What customers feel, what becomes of their money, and what it depends on. Alerts: deploy/monitoring/runbook.md.',
    tags: ['clink-checkout'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'utc',
    time: { from: 'now-6h', to: 'now' },
    refresh: '1m',
    annotations: { list: [{
        name: 'Alerts', enable: true, hide: false, iconColor: 'red', datasource,
        expr: `ALERTS{alertname=~"Checkout.*",alertstate="firing",${here}}`, titleFormat: '{{alertname}}', step: '60s',
    }] },
    templating: { list: [
        { name: 'datasource', label: 'data source', type: 'datasource', query: 'prometheus', refresh: 1, hide: 0, options: [] },
        choice('namespace', 'label_values(checkout_build_info, namespace)'),
        choice('job', 'label_values(checkout_build_info{namespace=~"$namespace"}, job)'),
    ] },
    links: [],
    panels: rows.flatMap(placeRow),
};

writeFileSync(process.argv[2] ?? fileURLToPath(new URL('dashboard.json', import.meta.url)), `${JSON.stringify(dashboard, null, 2)}\n`);
