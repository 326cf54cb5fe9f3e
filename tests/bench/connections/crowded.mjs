// A service with a crowd around it: memory before, meanwhile and afterwards, and how long the requests of others take with the
// crowd and without, in turns.
import { readFileSync } from 'node:fs';

import { eventually } from '../../e2e/support/environment.js';
import { exchange } from '../../e2e/support/http.js';
import { median, megabytes, percentile, printTable, thousands } from '../finance/figures.mjs';
import { Crowd, descriptorLimit } from './crowd.mjs';
import { Load } from './load.mjs';

const workers = 8;
const warmSeconds = 3;
const descriptorsOfTheService = 800;
const allowedRatio = 2;
const allowedMs = 25; // below which a ratio says nothing
const allowedKilobytes = { plain: 16, tls: 32 }; // a connection

function residentKilobytes(pid) {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line[1]);
}

async function openConnections({ admin }) {
    const { text } = await exchange(admin, { path: '/metrics' });
    return Number(/^checkout_http_connections\{listener="main"\} (\d+)/m.exec(text)[1]);
}

/** Until all but `rest` of its connections are gone. */
const deserted = (service, rest) =>
    eventually('the crowd is gone', async () => (await openConnections(service)) <= rest, 60);

export async function measureCrowd({ stack, service, name, idle, slow, seconds, rounds, verdict }) {
    const most = descriptorLimit() - descriptorsOfTheService - slow;
    const present = Math.min(idle, most);
    if (present < idle) console.log(`${name}: ${present} idle connections: the limit of descriptors is ${descriptorLimit()}`);
    const { pid } = service.process;
    const load = new Load(stack, service, workers);
    const found = { without: [], with: [] };
    const memory = { without: [], with: [], after: [] };
    await load.run(warmSeconds);
    for (let round = 0; round < rounds; round++) {
        memory.without.push(residentKilobytes(pid));
        found.without.push(await load.run(seconds));
        const crowd = await Crowd.gather(service.base, { idle: present, slow, ca: service.tls?.ca });
        found.with.push(await load.run(seconds));
        memory.with.push(residentKilobytes(pid));
        const { idle: still, closed, putOut } = await crowd.count();
        verdict.expect(still === present && closed === 0, `${name}: ${closed} of ${present} idle connections were closed`);
        if (slow > 0 && seconds >= 12) verdict.expect(putOut > 0, `${name}: no slow client was put out`);
        await crowd.leave();
        await deserted(service, workers);
        memory.after.push(residentKilobytes(pid));
    }
    load.close();
    report({ name, present, slow, found, memory, verdict });
}

function report({ name, present, slow, found, memory, verdict }) {
    const rows = [];
    for (const what of ['creates', 'reads']) {
        const all = (state) => found[state].flatMap((each) => each[what]);
        for (const [label, part] of [['p50', 0.5], ['p99', 0.99]]) {
            const [without, crowded] = [percentile(all('without'), part), percentile(all('with'), part)];
            const ratio = crowded / without;
            rows.push([`${what} ${label}`, without.toFixed(1), crowded.toFixed(1), ratio.toFixed(2)]);
            verdict.expect(ratio <= allowedRatio || crowded <= allowedMs, `${name}: ${what} ${label} take ${ratio.toFixed(1)} times as long`);
        }
        rows.push([`${what} measured`, thousands(all('without').length), thousands(all('with').length), '']);
    }
    const failed = found.with.reduce((sum, each) => sum + each.failed + each.refused.length, 0);
    verdict.expect(failed === 0, `${name}: ${failed} requests of others were not served`);
    printTable(`${name}: ${thousands(present)} idle connections and ${slow} slow clients (ms)`, ['', 'without', 'with', 'ratio'], rows);
    const each = (median(memory.with) - memory.without[0]) / (present + slow);
    printTable(`${name}: resident memory of the service (MB)`, ['round', 'before', 'crowded', 'after'],
        memory.without.map((before, i) => [i + 1, megabytes(before), megabytes(memory.with[i]), megabytes(memory.after[i])]));
    console.log(`  a connection: ${each.toFixed(1)} kB`);
    verdict.expect(each <= allowedKilobytes[name], `${name}: a connection takes ${each.toFixed(1)} kB`);
    verdict.expect(memory.with.at(-1) <= memory.with[0] * 1.15, `${name}: a crowd that comes again takes more memory than the first time`);
}
