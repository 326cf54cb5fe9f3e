// More creates at once than the service takes on: those that it accepts end in time, the others are told at once to come again, and
// whether it lives and is ready can be asked all the while.
import { exchange } from '../../e2e/support/http.js';
import { pause, percentile, printTable, thousands } from '../finance/figures.mjs';
import { Load } from './load.mjs';

const inFlight = 64; // MAX_IN_FLIGHT
const workers = 16 * inFlight;
const clinkMs = 200;
const allowed = { served: 5_000, refused: 1_000, probe: 1_000 }; // p99, ms

/** Asks every 100 ms for so long: milliseconds of each answer, and how many were not 200. */
async function probe(service, path, seconds) {
    const times = [];
    let bad = 0;
    for (const end = performance.now() + seconds * 1000; performance.now() < end; await pause(100)) {
        const began = performance.now();
        const { status } = await exchange(service.admin, { path });
        times.push(performance.now() - began);
        if (status !== 200) bad++;
    }
    return { times, bad };
}

export const stormSettings = { MAX_IN_FLIGHT: String(inFlight) };

export async function measureStorm({ stack, service, seconds, verdict }) {
    await stack.twin.settings({ latency_ms: clinkMs });
    const calm = new Load(stack, service, inFlight / 4);
    const before = await calm.run(seconds);
    calm.close();
    const load = new Load(stack, service, workers);
    const [during, live, ready] = await Promise.all([
        load.run(seconds), probe(service, '/livez', seconds), probe(service, '/readyz', seconds),
    ]);
    load.close();
    await stack.twin.settings({ latency_ms: 0 });
    const rows = [];
    const show = (what, times) =>
        rows.push([what, thousands(times.length), ...[0.5, 0.99].map((part) => (times.length ? percentile(times, part).toFixed(0) : ''))]);
    show('creates served, calm', before.creates);
    show('creates served', during.creates);
    show('refused', during.refused.map(({ ms }) => ms));
    show('/livez', live.times);
    show('/readyz', ready.times);
    printTable(`storm: ${workers} clients on MAX_IN_FLIGHT=${inFlight}, Clink taking ${clinkMs} ms`, ['', 'number', 'p50 ms', 'p99 ms'], rows);
    const p99 = (times) => percentile(times, 0.99);
    verdict.expect(during.refused.length > 0, 'storm: nothing was refused');
    verdict.expect(during.failed === 0, `storm: ${during.failed} requests were neither served nor refused`);
    verdict.expect(during.refused.every(({ retryAfter }) => Number(retryAfter) >= 1), 'storm: a refusal does not say when to come again');
    verdict.expect(during.creates.length >= before.creates.length / 2, 'storm: half as many creates are served as in calm');
    verdict.expect(p99(during.creates) <= allowed.served, 'storm: what is accepted takes too long');
    verdict.expect(p99(during.refused.map(({ ms }) => ms)) <= allowed.refused, 'storm: refusals take too long');
    for (const [path, { times, bad }] of Object.entries({ '/livez': live, '/readyz': ready }))
        verdict.expect(bad === 0 && p99(times) <= allowed.probe, `storm: ${path} failed ${bad} times, p99 ${p99(times).toFixed(0)} ms`);
}
