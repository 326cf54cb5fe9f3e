// An OpenTelemetry collector: takes POST /v1/traces, holds each body against protobuf's JSON mapping of
// ExportTraceServiceRequest, and keeps the spans. What it got stays among the artifacts for the check on secrets.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';

import { artifacts, eventually } from './environment.js';

export class Collector {
    /** `tls`: `{cert, key}` makes it speak TLS. */
    static async start(label, tls) {
        const collector = new Collector();
        collector.requests = [];
        collector.spans = [];
        collector.faults = [];
        collector.answer = (response) => response.setHeader('content-type', 'application/json').end('{}');
        collector.file = join(artifacts(), `collector-${label}-${process.pid}.log`);
        const take = (request, response) => collector.#take(request, response);
        collector.server = tls ? https.createServer(tls, take) : http.createServer(take);
        await new Promise((done) => collector.server.listen(0, '127.0.0.1', done));
        collector.base = `${tls ? 'https' : 'http'}://127.0.0.1:${collector.server.address().port}`;
        return collector;
    }

    async #take(request, response) {
        const pieces = [];
        for await (const piece of request) pieces.push(piece);
        const body = Buffer.concat(pieces).toString('utf8');
        this.requests.push({ method: request.method, path: request.url, headers: request.headers, body });
        appendFileSync(this.file, `${body}\n`);
        try {
            assert.deepEqual([request.method, request.headers['content-type']], ['POST', 'application/json']);
            for (const span of readSpans(JSON.parse(body))) this.spans.push(span);
        } catch (error) {
            this.faults.push(error);
        }
        this.answer(response);
    }

    /** Awaits spans that `fits` is true of, `count` of them or more. */
    async find(what, fits, count = 1) {
        return eventually(`the collector has ${count} of ${what}`, () => {
            if (this.faults.length > 0) throw this.faults[0];
            const found = this.spans.filter(fits);
            return found.length >= count && found;
        });
    }

    ofTrace(traceId, count) {
        return this.find(`trace ${traceId}`, (span) => span.traceId === traceId, count);
    }

    async ofRequest(requestId, kind = 2) {
        const [span] = await this.find(`request ${requestId}`, ({ attributes, ...span }) =>
            attributes['checkout.request_id'] === requestId && span.kind === kind);
        return span;
    }

    async stop() {
        this.server.closeAllConnections();
        await new Promise((done) => this.server.close(done));
        if (this.faults.length > 0) throw this.faults[0];
    }
}

function assertMembers(object, required, optional = []) {
    assert.equal(Object.prototype.toString.call(object), '[object Object]');
    for (const name of required) assert.ok(name in object, `${name} in ${JSON.stringify(object)}`);
    for (const name of Object.keys(object)) assert.ok([...required, ...optional].includes(name), `${name} is no member`);
}

function assertId(text, bytes) {
    assert.match(text, new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
    assert.doesNotMatch(text, /^0+$/);
}

const valueMembers = {
    stringValue: (value) => assert.equal(typeof value, 'string'),
    intValue: (value) => assert.match(value, /^-?\d+$/),
};

/** `{key: value}`; keys are unique. */
function readAttributes(list) {
    const found = {};
    for (const { key, value, ...more } of list) {
        assert.deepEqual(more, {});
        assert.ok(typeof key === 'string' && key !== '' && !(key in found), key);
        const [[kind, held], ...others] = Object.entries(value);
        assert.deepEqual(others, []);
        assert.ok(kind in valueMembers, kind);
        valueMembers[kind](held);
        found[key] = kind === 'intValue' ? Number(held) : held;
    }
    return found;
}

function* readSpans(request) {
    assertMembers(request, ['resourceSpans']);
    for (const { resource, scopeSpans, ...more } of request.resourceSpans) {
        assert.deepEqual(more, {});
        assertMembers(resource, ['attributes']);
        const from = readAttributes(resource.attributes);
        for (const { scope, spans, ...rest } of scopeSpans) {
            assert.deepEqual(rest, {});
            assertMembers(scope, ['name'], ['version']);
            assert.ok(spans.length > 0);
            for (const span of spans) yield readSpan(span, from);
        }
    }
}

function readSpan(span, resource) {
    assertMembers(span, ['traceId', 'spanId', 'flags', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano', 'attributes'],
        ['traceState', 'parentSpanId', 'status']);
    assertId(span.traceId, 16);
    assertId(span.spanId, 8);
    if ('parentSpanId' in span) assertId(span.parentSpanId, 8);
    assert.ok(Number.isInteger(span.flags) && (span.flags & 1) === 1, 'a sampled span');
    assert.ok([1, 2, 3].includes(span.kind));
    for (const name of ['startTimeUnixNano', 'endTimeUnixNano']) assert.match(span[name], /^\d{19}$/);
    assert.ok(BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano));
    assert.ok(Math.abs(Number(BigInt(span.endTimeUnixNano) / 1000000n) - Date.now()) < 120_000, 'about now');
    if (span.status) assert.deepEqual(span.status, { code: 2 });
    return { ...span, attributes: readAttributes(span.attributes), resource };
}
