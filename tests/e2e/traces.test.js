// Traces: who called whom is told to the next one, to the log, to PostgreSQL and to the collector, and nothing else is.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { Authority } from './support/certificates.js';
import { Collector } from './support/collector.js';
import { allOfIt, reconcileSettings, runCommand } from './support/command.js';
import { eventually } from './support/environment.js';
import { exchange } from './support/http.js';
import { recordSecrets } from './support/service.js';
import { Stack } from './support/stack.js';
import { deliver, eventText } from './support/webhooks.js';

const internal = 1;
const client = 3;
const quick = { OTEL_BSP_SCHEDULE_DELAY: '50', CLINK_TIMEOUT_MS: '3000' };
const exportTo = (collector, env = {}) => ({ ...quick, OTEL_EXPORTER_OTLP_ENDPOINT: collector.base, ...env });

/** A caller's context: its ids, and the headers that tell them. */
function caller({ sampled = true } = {}) {
    const [trace, span] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
    const requestId = `e2e-${randomBytes(6).toString('hex')}`;
    const headers = {
        traceparent: `00-${trace}-${span}-${sampled ? '01' : '00'}`,
        tracestate: 'shop=1,other@vendor=x/y',
        'x-request-id': requestId,
    };
    return { trace, span, requestId, headers };
}

const parts = (traceparent) => {
    const [, trace, span, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent);
    return { trace, span, flags };
};
const logged = (service, fits) => eventually('a log line', () => service.process.logLines().find(fits));

/** How many spans came to that end, as the service counts them. */
async function spans(service, outcome) {
    const { text } = await exchange(service.admin, { path: '/metrics' });
    return Number(new RegExp(`^checkout_spans_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)[1]);
}

describe('traces', () => {
    const collectorKey = `otlp_${randomBytes(16).toString('hex')}`;
    let stack;
    let collector;
    before(async () => {
        recordSecrets([collectorKey]);
        collector = await Collector.start('traces');
        const env = exportTo(collector, {
            OTEL_SERVICE_NAME: 'pay',
            OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=e2e%20test',
            OTEL_EXPORTER_OTLP_HEADERS: `x-collector-key=${collectorKey}`,
            SWEEP_SCHEDULE_SECONDS: '3600',
        });
        stack = await Stack.start('traces', { env, webhooks: {} });
    });
    after(async () => {
        await stack?.close();
        await collector?.stop();
    });

    test('a request is a span below the caller, a call to Clink one below the request, and Clink is told', async () => {
        const from = caller();
        const order = stack.order();
        await stack.api.create(order, { headers: from.headers });
        const [call] = await stack.twin.calls({ operation: 'create', reference: order.merchantOrderId });
        const [one, other] = await collector.ofTrace(from.trace, 2);
        const [asked, request] = one.kind === client ? [one, other] : [other, one];

        assert.deepEqual([request.kind, request.name, request.parentSpanId], [2, 'POST /v1/checkout-sessions', from.span]);
        assert.equal(request.flags & 0x300, 0x300, 'its parent is remote');
        assert.equal(request.traceState, from.headers.tracestate);
        assert.deepEqual(request.attributes, {
            'checkout.request_id': from.requestId,
            'http.request.method': 'POST',
            'http.route': '/v1/checkout-sessions',
            'http.response.status_code': 201,
        });
        assert.equal(request.status, undefined);

        assert.deepEqual([asked.name, asked.parentSpanId], ['POST /checkout/session', request.spanId]);
        assert.equal(asked.flags & 0x300, 0x100, 'its parent is not');
        assert.deepEqual(asked.attributes, {
            'checkout.request_id': from.requestId,
            'clink.code': '200',
            'clink.outcome': 'accepted',
            'http.request.method': 'POST',
            'http.response.status_code': 200,
            'server.address': '127.0.0.1',
            'server.port': stack.twin.port,
            'url.scheme': 'http',
            'url.template': '/api/checkout/session',
        });
        assert.deepEqual(parts(call.headers.traceparent), { trace: from.trace, span: asked.spanId, flags: '01' });
        assert.equal(call.headers.tracestate, from.headers.tracestate);
        const { resource } = request;
        assert.match(resource['service.version'], /^\d/);
        assert.deepEqual(
            [resource['service.name'], resource['deployment.environment.name'], resource['telemetry.sdk.language']],
            ['pay', 'e2e test', 'cpp'],
        );
        assert.equal(collector.requests[0].headers['x-collector-key'], collectorKey);
    });

    test('without a good traceparent a trace begins here', async () => {
        for (const headers of [{}, { traceparent: '00-00000000000000000000000000000000-00f067aa0ba902b7-01', tracestate: 'a=1' }]) {
            const { requestId } = caller();
            const order = stack.order();
            await stack.api.create(order, { headers: { ...headers, 'x-request-id': requestId } });
            const request = await collector.ofRequest(requestId);
            assert.deepEqual([request.parentSpanId, request.traceState], [undefined, undefined]);
            const [call] = await stack.twin.calls({ operation: 'create', reference: order.merchantOrderId });
            assert.equal(parts(call.headers.traceparent).trace, request.traceId);
            assert.equal(call.headers.tracestate, undefined);
            const line = await logged(stack.service, (each) => each.event === 'http_request' && each.request_id === requestId);
            assert.equal(line.trace_id, request.traceId);
        }
    });

    test('what the caller does not record is not recorded, and its context goes on as it came', async () => {
        const from = caller({ sampled: false });
        const order = stack.order();
        await stack.api.create(order, { headers: from.headers });
        const [call] = await stack.twin.calls({ operation: 'create', reference: order.merchantOrderId });
        assert.deepEqual([call.headers.traceparent, call.headers.tracestate], [from.headers.traceparent, from.headers.tracestate]);
        const next = caller();
        await stack.api.order(order.merchantOrderId, { headers: next.headers });
        await collector.ofTrace(next.trace);
        assert.ok(!collector.spans.some(({ traceId }) => traceId === from.trace));
    });

    test('a refused request is a span too, by its route and never its path', async () => {
        const names = [];
        for (const [path, status, token] of [
            ['/v1/orders/ORD-must-not-be-exported', 401, null],
            ['/no/such/path/must-not-be-exported', 404, null],
            ['/checkout/cancel/must-not-be-exported', 404, null],
        ]) {
            const from = caller();
            await stack.api.as(token).raw({ path, headers: from.headers, expect: status });
            const [request] = await collector.ofTrace(from.trace);
            assert.equal(request.attributes['http.response.status_code'], status);
            assert.equal(request.status, undefined, 'the caller is at fault');
            names.push(request.name);
        }
        assert.deepEqual(names, ['GET /v1/orders/{merchantOrderId}', 'GET', 'GET /checkout/cancel/{token}']);
        assert.ok(!JSON.stringify(collector.requests).includes('must-not-be-exported'));
    });

    test('a call to Clink that fails is a span that failed, each try one of its own', async () => {
        const { json: session } = await stack.api.create(stack.order());
        const from = caller();
        await stack.twin.fault({ operation: 'get_session', fault: 'http_status', status: 503, match: session.sessionId });
        await stack.api.refresh(session.sessionId, { headers: from.headers });
        const calls = (await stack.twin.calls({ operation: 'get_session', reference: session.merchantOrderId })).slice(-2);
        const tries = (await collector.find('tries', (span) => span.traceId === from.trace && span.kind === client, 2))
            .sort((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1));
        assert.deepEqual(tries.map(({ spanId }) => spanId), calls.map(({ headers }) => parts(headers.traceparent).span));
        assert.deepEqual(tries.map(({ status }) => status), [{ code: 2 }, undefined]);
        assert.deepEqual(tries.map(({ attributes }) => attributes['error.type']), ['503', undefined]);
        assert.deepEqual(tries.map(({ attributes }) => attributes['http.request.resend_count']), [undefined, 1]);
        const line = await logged(stack.service, (each) => each.event === 'clink_exchange' && each.trace_id === from.trace);
        assert.equal(line.request_id, from.requestId);
    });

    test("a webhook's handling is a trace of its own, in the delivery's name", async () => {
        const from = caller();
        const text = eventText('customer.verify', { customerId: 'cus_1' });
        await deliver(stack.api, text, { key: stack.service.webhookKeys[0], headers: from.headers });
        const delivery = await collector.ofRequest(from.requestId);
        const handling = await collector.ofRequest(from.requestId, internal);
        assert.equal(delivery.traceId, from.trace);
        assert.notEqual(handling.traceId, from.trace);
        assert.deepEqual([handling.name, handling.parentSpanId], ['handle webhook', undefined]);
    });

    test("finance's list tells PostgreSQL who asks", async () => {
        const from = caller();
        const locker = stack.database.pool(2);
        const [{ pid }] = await stack.database.query('select pg_backend_pid() as pid');
        await locker.query('select 1'); // connected before anything waits
        try {
            await stack.database.query('begin');
            await stack.database.query('lock table checkout.payments in access exclusive mode');
            const pending = stack.finance.payments({}, { headers: from.headers, expect: undefined });
            const [{ query }] = await eventually('it waits for the lock', async () => {
                const found = await locker.query(
                    `select query from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and pid <> $1`,
                    [pid],
                );
                return found.length > 0 && found;
            });
            await stack.database.query('rollback');
            assert.ok([200, 503].includes((await pending).status)); // 503 if this was slow to let go of the lock
            const [request] = await collector.ofTrace(from.trace);
            assert.match(query, new RegExp(`/\\*traceparent='00-${from.trace}-${request.spanId}-01'\\*/$`));
        } finally {
            await stack.database.query('rollback');
            await locker.end();
        }
    });

    test('a failure is logged with its ids', async () => {
        const from = caller();
        await stack.database.query('begin');
        try {
            await stack.database.query('lock table checkout.payments in access exclusive mode');
            await stack.finance.payments({}, { headers: from.headers, expect: [503, 'database_unavailable'] });
        } finally {
            await stack.database.query('rollback');
        }
        const line = await logged(stack.service, (each) => each.event === 'request_failed' && each.trace_id === from.trace);
        assert.equal(line.request_id, from.requestId);
        const [request] = await collector.ofTrace(from.trace);
        assert.deepEqual([request.status, request.attributes['error.type']], [{ code: 2 }, '503']);
    });

    test('nothing of a secret, a customer or a page is exported', async () => {
        const order = stack.order();
        const { json: session } = await stack.api.create(order);
        await stack.twin.payOnPage(session.url);
        await stack.api.success(session.sessionId, { headers: { 'x-request-id': 'last-one' } });
        await collector.ofRequest('last-one');
        const bytes = readFileSync(collector.file, 'utf8');
        const page = session.url.split('%23').pop();
        for (const secret of [...stack.service.secrets, ...(await stack.twin.secrets()), collectorKey, page, session.url,
            session.sessionId, order.customerEmail, order.successUrl, order.merchantOrderId, stack.storefront.base])
            assert.ok(!bytes.includes(secret), secret);
        assert.ok(!stack.service.process.stderr.includes(collectorKey));
    });

    test('reconcile and export are traces, and their calls to Clink below them', async () => {
        const { json: session } = await stack.api.create(stack.order());
        const env = { ...reconcileSettings(stack), ...exportTo(collector, { OTEL_SERVICE_NAME: 'finance-job' }) };
        const ofJob = ({ resource, kind }) => resource['service.name'] === 'finance-job' && kind === internal;
        const { code } = await runCommand(['reconcile', '--format', 'json', ...allOfIt()], env);
        assert.ok([0, 3].includes(code));
        const works = await collector.find('the census', ofJob);
        assert.deepEqual([...new Set(works.map(({ name }) => name))], ['reconcile order']);
        assert.equal(new Set(works.map(({ traceId }) => traceId)).size, works.length);
        const calls = await stack.twin.calls({ operation: 'list_orders', reference: session.merchantOrderId });
        const { trace, span } = parts(calls.at(-1).headers.traceparent);
        const [asked] = await collector.find('its question', ({ spanId }) => spanId === span);
        assert.ok(works.some((work) => work.traceId === trace && work.spanId === asked.parentSpanId));

        const exported = await runCommand(['export', 'payments', ...allOfIt()], env);
        assert.equal(exported.code, 0, exported.stderr);
        await collector.find('the export', (each) => ofJob(each) && each.name === 'export payments');
    });
});

describe('background work', () => {
    test('each question of the sweeper is a trace of its own', async () => {
        const collector = await Collector.start('sweeper-traces');
        const env = exportTo(collector, { SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '1' });
        const stack = await Stack.start('sweeper-traces', { env });
        try {
            const from = caller();
            await stack.api.create(stack.order(), { headers: from.headers });
            const works = await collector.find('questions', ({ name }) => name === 'sweep session', 2);
            assert.equal(new Set(works.map(({ traceId }) => traceId)).size, works.length);
            for (const work of works) {
                assert.deepEqual([work.kind, work.parentSpanId], [internal, undefined]);
                assert.notEqual(work.traceId, from.trace);
                const [asked] = await collector.find('the call', (span) => span.parentSpanId === work.spanId);
                assert.deepEqual([asked.kind, asked.traceId], [client, work.traceId]);
                assert.equal(asked.attributes['checkout.request_id'], work.attributes['checkout.request_id']);
                const line = await logged(stack.service, ({ event, trace_id: id }) => event === 'clink_exchange' && id === work.traceId);
                assert.equal(line.request_id, work.attributes['checkout.request_id']);
            }
        } finally {
            await stack.close();
            await collector.stop();
        }
    });
});

describe('a collector', () => {
    let stack;
    before(async () => (stack = await Stack.start('collectors')));
    after(() => stack?.close());

    const serve = (label, env) => stack.serve(label, { env: { ...quick, ...env } });
    const requests = async (service, count) => {
        const api = stack.clientOf(service);
        for (let i = 0; i < count; i++) await api.raw({ path: '/v1/orders/none', expect: 404 });
    };
    const stopsWithin = async (service, seconds) => {
        const begin = Date.now();
        const { code } = await service.stop();
        assert.equal(code, 0);
        assert.ok(Date.now() - begin < seconds * 1000, `${Date.now() - begin} ms`);
    };
    const events = (service, name) => service.process.logLines().filter(({ event }) => event === name);

    test('that is not there slows nothing down, and its loss is said once and counted', async () => {
        const gone = await Collector.start('gone');
        await gone.stop();
        const service = await serve('collector-gone', { OTEL_EXPORTER_OTLP_ENDPOINT: gone.base, OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
        await requests(service, 50);
        await eventually('they are counted', async () => (await spans(service, 'failed')) === 50);
        await requests(service, 5);
        await eventually('these too', async () => (await spans(service, 'failed')) === 55);
        assert.equal(events(service, 'spans_not_exported').length, 1);
        assert.equal(await spans(service, 'exported'), 0);
        await stopsWithin(service, 20);
    });

    test('that never answers slows nothing down, and what does not fit is dropped', async () => {
        const silent = await Collector.start('silent');
        silent.answer = () => {};
        const service = await serve('collector-silent', exportTo(silent, {
            OTEL_BSP_MAX_QUEUE_SIZE: '20', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
            OTEL_EXPORTER_OTLP_TIMEOUT: '600000', OTEL_BSP_EXPORT_TIMEOUT: '600000', // whoever waits for it never ends
        }));
        await requests(service, 10);
        await eventually('a batch has been sent', () => silent.requests.length > 0);
        await requests(service, 100);
        assert.ok((await spans(service, 'dropped')) >= 80);
        await stopsWithin(service, 20);
        assert.equal(events(service, 'spans_lost').length, 1);
        await silent.stop();
    });

    test('that fails and is well again', async () => {
        const ill = await Collector.start('ill');
        const well = ill.answer;
        ill.answer = (response) => response.writeHead(500).end('no');
        const service = await serve('collector-ill', exportTo(ill));
        await requests(service, 3);
        await eventually('they are counted', async () => (await spans(service, 'failed')) === 3);
        assert.equal(ill.requests.length, new Set(ill.requests.map(({ body }) => body)).size, 'a 500 is not sent again');
        const before = ill.requests.length;
        let busy = 1;
        ill.answer = (response) => (busy-- > 0 ? response.writeHead(503, { 'retry-after': '1' }).end() : well(response));
        await requests(service, 1);
        await eventually('it is taken', async () => (await spans(service, 'exported')) === 1);
        assert.equal(ill.requests[before].body, ill.requests[before + 1].body, 'a 503 is sent again');
        await logged(service, ({ event }) => event === 'spans_exported_again'); // a moment after it is counted
        assert.equal(events(service, 'spans_exported_again').length, 1);
        await stopsWithin(service, 20);
        await ill.stop();
    });

    test('gets what is left at the end', async () => {
        const last = await Collector.start('last');
        const service = await serve('collector-last', exportTo(last, { OTEL_BSP_SCHEDULE_DELAY: '600000' }));
        await requests(service, 7);
        assert.equal(last.requests.length, 0);
        await stopsWithin(service, 20);
        assert.equal(last.spans.length, 7);
        await last.stop();
    });

    test('over TLS with its own authority, at a URL of its own, with a protocol that is not spoken', async () => {
        const authority = await Authority.create('collector');
        const tls = await authority.issue('collector', ['IP:127.0.0.1']);
        const safe = await Collector.start('safe', tls);
        const service = await serve('collector-safe', {
            OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${safe.base}/custom`,
            OTEL_EXPORTER_OTLP_CERTIFICATE: authority.certFile,
            OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        });
        await requests(service, 1);
        await safe.find('a span', () => true);
        assert.equal(safe.requests[0].path, '/custom');
        assert.deepEqual(events(service, 'otlp_protocol_unsupported').map(({ protocol }) => protocol), ['grpc']);
        await service.stop();
        await safe.stop();
        authority.remove();
    });

    for (const [name, env] of [
        ['that is switched off', { OTEL_SDK_DISABLED: 'TRUE' }],
        ['whose sampler says no', { OTEL_TRACES_SAMPLER: 'always_off' }],
        ['whose ratio is none', { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }],
    ])
        test(`${name} gets nothing`, async () => {
            const idle = await Collector.start('idle');
            const service = await serve('collector-idle', exportTo(idle, env));
            const from = caller();
            await stack.clientOf(service).raw({ path: '/v1/orders/none', headers: from.headers, expect: 404 });
            await logged(service, ({ event, trace_id: id }) => event === 'http_request' && id === from.trace);
            await stopsWithin(service, 20);
            assert.deepEqual(idle.requests, []);
            await idle.stop();
        });
});
