// See README.md: makes two worlds, measures what finance reads of them, prints tables.
import { parseArgs } from 'node:util';

import { measureClaims } from './claims.mjs';
import { measureExports } from './exports.mjs';
import { Verdict } from './figures.mjs';
import { measureLatency } from './latency.mjs';
import { showPlans } from './plans.mjs';
import { requestsOf, walk } from './requests.mjs';
import { measureTrigger } from './trigger.mjs';
import { Worlds } from './worlds.mjs';

const { values: given } = parseArgs({
    options: {
        orders: { type: 'string', default: '1000000' },
        small: { type: 'string', default: '10000' },
        seed: { type: 'string', default: '1' },
        rounds: { type: 'string', default: '3' },
        only: { type: 'string', multiple: true, default: ['plans', 'latency', 'exports', 'trigger', 'claims'] },
    },
});

const verdict = new Verdict();

/** Walks the pages of both worlds, which must give every row, and keeps cursors of the middle and of the end. */
async function requestsOfBoth(worlds) {
    const requests = {};
    for (const name of ['small', 'large']) {
        const world = worlds[name];
        const service = await world.serve('walk', worlds.clinkUrl);
        const walked = {};
        try {
            for (const report of ['payments', 'sessions', 'refunds', 'discrepancies']) {
                walked[report] = await walk(service, report);
                const rows = Number(await world.value(`select count(*) from checkout.${report}`));
                verdict.expect(walked[report].rows === rows, `${name} world: the pages gave ${walked[report].rows} of ${rows} ${report}`);
            }
        } finally {
            await service.stop();
        }
        requests[name] = await requestsOf(world, walked);
    }
    return requests;
}

const worlds = await Worlds.create({ small: Number(given.small), large: Number(given.orders), seed: given.seed });
try {
    const isWanted = (phase) => given.only.includes(phase);
    const requests = isWanted('plans') || isWanted('latency') ? await requestsOfBoth(worlds) : {};
    if (isWanted('plans')) await showPlans({ worlds, requests: requests.large, verdict });
    if (isWanted('latency')) await measureLatency({ worlds, requests, verdict });
    if (isWanted('exports')) await measureExports({ worlds, rounds: Number(given.rounds), verdict });
    if (isWanted('trigger')) await measureTrigger({ worlds });
    if (isWanted('claims')) await measureClaims({ worlds, verdict });
} finally {
    await worlds.remove();
}
verdict.print();
process.exitCode = verdict.offences.length > 0 ? 1 : 0;
