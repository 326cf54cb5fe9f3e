// More creates at once than the service takes on, of clients who come again when they are told to: those that it accepts end in time,
// the others are refused at once, and whether it lives and is ready can be asked all the while.
import { once } from 'node:events';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { percentile, printTable, thousands } from '../finance/figures.mjs';
import { Load } from './load.mjs';

const inFlight = 32; // MAX_IN_FLIGHT
const workers = 16 * inFlight;
const clinkMs = 200;
const allowedRatio = 4; // of the accepted, to a calm service; and
const allowedMs = 1_000; // of what is refused and of the probes: p99

export const stormSettings = { MAX_IN_FLIGHT: String(inFlight) };

async function probed({ admin: base }, work) {
    const child = fork(fileURLToPath(new URL('probe.mjs', import.meta.url)));
    child.send({ base });
    const made = await work();
    child.send('end');
    const [probes] = await once(child, 'message');
    return { made, probes };
}

export async function measureStorm({ stack, service, seconds, verdict }) {
    await stack.twin.settings({ latency_ms: clinkMs });
    const calm = new Load(stack, service, inFlight / 2);
    const before = await calm.run(seconds);
    calm.close();
    const load = new Load(stack, service, workers);
    const { made: during, probes } = await probed(service, () => load.run(seconds));
    load.close();
    await stack.twin.settings({ latency_ms: 0 });

    const rows = [];
    const show = (what, times) =>
        rows.push([what, thousands(times.length), ...[0.5, 0.99].map((part) => (times.length ? percentile(times, part).toFixed(0) : ''))]);
    const refusals = during.refused.map(({ ms }) => ms);
    show('creates, calm', before.creates);
    show('creates accepted', during.creates);
    show('refused', refusals);
    for (const path of Object.keys(probes)) show(path, probes[path].times);
    printTable(`storm: ${workers} clients on MAX_IN_FLIGHT=${inFlight}, Clink taking ${clinkMs} ms`, ['', 'number', 'p50 ms', 'p99 ms'], rows);
    judge({ before, during, refusals, probes, verdict });
}

function judge({ before, during, refusals, probes, verdict }) {
    const p99 = (times) => percentile(times, 0.99);
    verdict.expect(refusals.length > 0, 'storm: nothing was refused');
    verdict.expect(during.failed === 0, `storm: ${during.failed} requests were neither served nor refused`);
    verdict.expect(during.refused.every(({ retryAfter }) => Number(retryAfter) >= 1), 'storm: a refusal does not say when to come again');
    verdict.expect(during.creates.length >= before.creates.length / 2, 'storm: fewer than half as many creates are served as in calm');
    verdict.expect(p99(during.creates) <= allowedRatio * p99(before.creates), 'storm: what is accepted takes too long');
    verdict.expect(p99(refusals) <= allowedMs, 'storm: refusals take too long');
    for (const [path, { times, bad }] of Object.entries(probes))
        verdict.expect(bad === 0 && p99(times) <= allowedMs, `storm: ${path} said no ${bad} times, p99 ${p99(times).toFixed(0)} ms`);
}
