// How long requests take on the small and on the large world, asked in turns, one at a time on one connection. A page of the
// large world may have more rows than the small world has of such, and a day counts more; so much longer it may take.
import { median, percentile, printTable, thousands } from './figures.mjs';
import { get, known } from './requests.mjs';

const warm = 20;
const times = 150;
const leastTimes = 5;
const warmMs = 2_000;
const measuredMs = 10_000;
const allowedRatio = 3;
const allowedMs = 5; // below which a ratio says nothing

async function once(service, path) {
    const start = process.hrtime.bigint();
    const { items } = await get(service, path);
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    const rows = (items ?? [{}]).reduce((sum, item) => sum + (item.count ?? 1), 0); // of a summary, what it counts
    return { ms, rows };
}

export async function measureLatency({ worlds, requests, verdict }) {
    const services = {};
    const rows = [];
    try {
        for (const name of ['small', 'large']) services[name] = await worlds[name].serve('latency', worlds.clinkUrl);
        for (const request of Object.keys(requests.large)) {
            if (!(request in requests.small)) continue;
            const found = await inTurns(services, requests, request);
            const [small, large] = [found.small, found.large].map((runs) => median(runs.map(({ ms }) => ms)));
            const [rowsSmall, rowsLarge] = [found.small[0].rows, found.large[0].rows];
            const ratio = large / small;
            const isFlat = ratio <= allowedRatio * Math.max(1, rowsLarge / Math.max(1, rowsSmall)) || large <= allowedMs;
            const isJudged = !known.has(request);
            verdict.expect(isFlat || !isJudged, `"${request}" takes ${ratio.toFixed(1)} times as long on the large world`);
            const p95 = (runs) => percentile(runs.map(({ ms }) => ms), 0.95).toFixed(1);
            rows.push([request, thousands(rowsSmall), small.toFixed(2), p95(found.small), thousands(rowsLarge), large.toFixed(2), p95(found.large),
                ratio.toFixed(2), isFlat ? '' : isJudged ? 'OFFENCE' : 'known']);
        }
    } finally {
        for (const service of Object.values(services)) await service.stop();
    }
    const { small, large } = worlds;
    printTable(`Latency over HTTP, pages of 100 rows: ${small.orders} orders against ${large.orders} (ms; ratio of the medians)`,
        ['', 'rows', 'small', '95 %', 'rows', 'large', '95 %', 'ratio', ''], rows);
}

/** So often, or as long as there is time, but a few times at least. */
async function repeat(number, milliseconds, work) {
    const end = Date.now() + milliseconds;
    for (let time = 0; time < number && (time < leastTimes || Date.now() < end); time++) await work();
}

async function inTurns(services, requests, request) {
    const both = async () => ({
        small: await once(services.small, requests.small[request]()), large: await once(services.large, requests.large[request]()),
    });
    await repeat(warm, warmMs, both);
    const found = { small: [], large: [] };
    await repeat(times, measuredMs, async () => {
        const { small, large } = await both();
        found.small.push(small);
        found.large.push(large);
    });
    return found;
}
