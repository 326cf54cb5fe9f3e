// See ./run and ../README.md: one database and one twin of Clink, and a service for each thing that a collector can do.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { parseArgs } from 'node:util';

import { exchange } from '../../e2e/support/http.js';
import { Stack } from '../../e2e/support/stack.js';
import { Load } from '../connections/load.mjs';
import { median, percentile, printTable, thousands, Verdict } from '../finance/figures.mjs';

const { values: given } = parseArgs({ options: { seconds: { type: 'string', default: '10' }, rounds: { type: 'string', default: '3' } } });
const [seconds, rounds] = [given.seconds, given.rounds].map(Number);
const workers = 8;
const warmSeconds = 2;
const ticksPerSecond = 100; // USER_HZ, the same on every Linux

/** What it has used of the CPU, seconds. */
function cpuOf({ process: { pid } }) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function spansOf({ admin }) {
    const { text } = await exchange(admin, { path: '/metrics' });
    return Object.fromEntries([...text.matchAll(/^checkout_spans_total\{outcome="(\w+)"\} (\d+)/gm)].map(([, name, count]) => [name, Number(count)]));
}

async function listen(answer) {
    const server = http.createServer((request, response) => {
        request.resume();
        request.on('end', () => answer(response));
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    return server;
}

/** Services that have done some work, one for each thing that a collector can do. */
async function start(stack, collectors) {
    const measured = [];
    for (const [collector, server] of Object.entries({ none: undefined, ...collectors })) {
        const env = { LOG_LEVEL: 'warning', DATABASE_POOL_SIZE: '8' };
        if (server) env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${server.address().port}`;
        const service = await stack.serve(`collector-${collector.replace(' ', '-')}`, { env });
        const load = new Load(stack, service, workers);
        await load.run(warmSeconds);
        measured.push({ collector, service, load, cpu: [], creates: [], failed: 0 });
    }
    return measured;
}

async function measure(each) {
    const before = cpuOf(each.service);
    const { creates, refused, failed } = await each.load.run(seconds);
    each.cpu.push(((cpuOf(each.service) - before) / creates.length) * 1e6);
    each.creates.push(...creates);
    each.failed += failed + refused.length;
}

function report(measured) {
    const rows = measured.map(({ collector, cpu, creates, spans }) => {
        const ratio = median(cpu) / median(measured[0].cpu);
        const times = [0.5, 0.99].map((part) => percentile(creates, part).toFixed(1));
        return [collector, thousands(creates.length), thousands(median(cpu)), ratio.toFixed(2), ...times, ...Object.values(spans).map(thousands)];
    });
    const outcomes = Object.keys(measured[0].spans).map((name) => `spans ${name}`);
    printTable('a create and a read, of eight storefronts', ['collector', 'creates', 'CPU µs', 'ratio', 'p50 ms', 'p99 ms', ...outcomes], rows);
}

function judge(measured) {
    const verdict = new Verdict();
    for (const { collector, failed, spans } of measured) {
        const { exported, dropped, failed: refused } = spans;
        verdict.expect(failed === 0, `collector ${collector}: ${failed} requests were not served`);
        if (collector === 'answers') verdict.expect(exported > 0 && dropped + refused === 0, 'spans were lost');
        if (collector === 'is silent') verdict.expect(exported === 0 && dropped + refused > 0, 'spans went nowhere');
    }
    return verdict;
}

const collectors = {
    answers: await listen((response) => response.setHeader('content-type', 'application/json').end('{}')),
    'is silent': await listen(() => {}),
};
const stack = await Stack.start('tracing', { env: { LOG_LEVEL: 'warning' } });
try {
    const measured = await start(stack, collectors);
    for (let round = 0; round < rounds; round++) for (const each of measured) await measure(each);
    for (const each of measured) {
        each.load.close();
        each.spans = await spansOf(each.service);
    }
    report(measured);
    const verdict = judge(measured);
    verdict.print();
    process.exitCode = verdict.offences.length > 0 ? 1 : 0;
} finally {
    await stack.close();
    for (const server of Object.values(collectors)) {
        server.closeAllConnections();
        server.close();
    }
}
