// Exports over HTTP and by the command `export`: their memory must not grow with the range, and their rate is compared with
// psql's \copy of the same columns of the same rows in the same run.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';

import { checkoutBinary } from '../../e2e/support/environment.js';
import { median, megabytes, pause, printTable, thousands } from './figures.mjs';

const formats = { csv: 'text/csv', ndjson: 'application/x-ndjson' };
const ways = { csv: streamed, ndjson: streamed, 'csv by command': commanded };
const allowedGrowthKb = 4096;

/** What the system says of a process' memory: `{rss, peak}` in kB; nothing once it is gone. */
function memoryOf(pid) {
    try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]);
        return { rss: number('VmRSS'), peak: number('VmHWM') };
    } catch {
        return undefined;
    }
}

/** Calls `note` with the memory of a process every 20 ms until stopped. */
function watch(pid, note) {
    const timer = setInterval(() => {
        const found = memoryOf(pid);
        if (found) note(found);
    }, 20);
    return () => clearInterval(timer);
}

/** Takes a whole answer and keeps none of it; with `slow` it stops reading for a while in the middle. */
export function download(service, path, type, { slow = false } = {}) {
    const { hostname, port } = new URL(service.base);
    const headers = { authorization: `Bearer ${service.tokens.finance}`, accept: type };
    const start = Date.now();
    const seconds = () => (Date.now() - start) / 1000;
    return new Promise((done, failed) => {
        http.get({ agent: false, hostname, port, path, headers }, (response) => {
            if (response.statusCode !== 200) {
                failed(new Error(`${path}: ${response.statusCode}`));
                response.resume();
                return;
            }
            const result = { bytes: 0, head: '' };
            response.on('data', (chunk) => {
                if (result.bytes === 0) {
                    result.firstByte = seconds();
                    result.head = chunk.toString('utf8', 0, 4096).split('\r\n')[0];
                }
                if (slow && result.bytes < 5e6 && result.bytes + chunk.length >= 5e6) {
                    response.pause();
                    pause(5000).then(() => response.resume());
                }
                result.bytes += chunk.length;
            });
            response.on('error', failed);
            response.on('end', () => done({ ...result, seconds: seconds(), rows: Number(response.trailers['row-count']) }));
        }).on('error', failed);
    });
}

/** psql's \copy of a select to nowhere: seconds. The password is not among the arguments. */
async function copy(database, select) {
    const at = new URL(database.serverUrl);
    const env = {
        PATH: process.env.PATH, PGHOST: at.hostname, PGPORT: at.port, PGUSER: at.username, PGPASSWORD: at.password,
        PGDATABASE: at.pathname.slice(1),
    };
    const start = Date.now();
    const child = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', `\\copy (${select}) to '/dev/null' csv header`],
        { env, stdio: ['ignore', 'inherit', 'inherit'] });
    const code = await new Promise((done, failed) => child.once('error', failed).once('close', done));
    if (code !== 0) throw new Error(`psql exited with ${code}`);
    return (Date.now() - start) / 1000;
}

/** Ranges of payments from the first one on: about 10^4 rows, 10^5, … as far as there are. */
async function rangesOf(world) {
    const total = Number(await world.value('select count(*) from checkout.payments'));
    const ranges = [];
    for (let rows = 10_000; rows <= total; rows *= 10) {
        const to = await world.value(`
            select date_trunc('second', recorded_at) from checkout.payments order by recorded_at offset ${rows} - 1 limit 1`);
        const count = await world.value(`select count(*) from checkout.payments where recorded_at < '${to.toISOString()}'`);
        ranges.push({ to: to.toISOString(), rows: Number(count) });
    }
    return ranges;
}

/** The columns of the CSV as the view has them. */
async function columnsOf(world, worlds) {
    const service = await world.serve('columns', worlds.clinkUrl);
    try {
        const { head } = await download(service, '/v1/reconciliation/payments?to=2000-01-01', formats.csv);
        return head.split(',').map(snake).join(', ');
    } finally {
        await service.stop();
    }
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `clink-checkout export`, its output thrown away: `{seconds, highest, peak, rows}`. */
export async function runExport(world, args) {
    const env = { PATH: process.env.PATH, DATABASE_URL: world.database.serverUrl };
    const start = Date.now();
    const child = spawn(checkoutBinary, ['export', ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const result = { highest: 0, peak: 0 };
    const stop = watch(child.pid, ({ rss, peak }) => {
        result.highest = Math.max(result.highest, rss);
        result.peak = Math.max(result.peak, peak);
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    const code = await new Promise((done, failed) => child.once('error', failed).once('close', done)).finally(stop);
    if (code !== 0) throw new Error(`export exited with ${code}: ${said.slice(0, 300)}`);
    return { ...result, seconds: (Date.now() - start) / 1000, rows: Number(/^(\d+) rows/m.exec(said)?.[1]) };
}

function commanded({ world, range }) {
    return runExport(world, ['payments', '--from', '2000-01-01', '--to', range.to, '--format', 'csv']);
}

/** One export by a service of its own, so that its peak is this export's. */
async function streamed({ world, worlds, range, format, slow }) {
    const service = await world.serve(`export-${format}`, worlds.clinkUrl);
    try {
        const start = memoryOf(service.process.pid);
        let highest = 0;
        const stop = watch(service.process.pid, ({ rss }) => (highest = Math.max(highest, rss)));
        const search = new URLSearchParams({ to: range.to });
        const result = await download(service, `/v1/reconciliation/payments?${search}`, formats[format], { slow }).finally(stop);
        const { peak } = memoryOf(service.process.pid);
        return { ...result, start: start.rss, highest, peak };
    } finally {
        await service.stop();
    }
}

export async function measureExports({ worlds, rounds, verdict }) {
    const world = worlds.large;
    const ranges = await rangesOf(world);
    const columns = await columnsOf(world, worlds);
    const none = () => Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
    const found = ranges.map((range) => ({ range, copy: [], sorted: [], ...none() }));
    for (let round = 0; round < rounds; round++)
        for (const each of found) {
            for (const [format, exported] of Object.entries(ways)) {
                const whole = (run) => verdict.expect(run.rows === each.range.rows, `${format}: Row-Count ${run.rows} of ${each.range.rows}`);
                await exported({ world, worlds, range: each.range, format })
                    .then((run) => whole(run) && each[format].push(run))
                    .catch((error) => verdict.expect(false, `${each.range.rows} payments, ${format}: ${error.message}`));
            }
            const select = `select ${columns} from reconciliation.payments where recorded_at < '${each.range.to}'`;
            each.copy.push(await copy(world.database, select));
            each.sorted.push(await copy(world.database, `${select} order by recorded_at, payment_id`));
        }
    printRates(found);
    printMemory(found, verdict);
    await showSlowReader({ world, worlds, range: ranges.at(-1), verdict, usual: peakOf(found[0].csv) });
}

const peakOf = (runs) => Math.max(...runs.map(({ peak }) => peak));

function printRates(found) {
    const rows = [];
    for (const { range, copy: plain, sorted, ...runs } of found)
        for (const format of Object.keys(ways)) {
            const name = `${thousands(range.rows)} payments, ${format}`;
            if (runs[format].length === 0) {
                rows.push([name, 'broken off']);
                continue;
            }
            const seconds = median(runs[format].map((run) => run.seconds));
            rows.push([name, seconds.toFixed(2),
                ...(runs[format][0].bytes ? [median(runs[format].map((run) => run.firstByte)).toFixed(2),
                    (runs[format][0].bytes / 1e6).toFixed(1)] : ['', '']),
                thousands(range.rows / seconds), (median(sorted) / seconds).toFixed(2), (median(plain) / seconds).toFixed(2)]);
        }
    printTable('Rate of exports (medians; the ratios are rows a second against psql \\copy, 1 is as fast)',
        ['', 'seconds', 'first byte', 'MB', 'rows/s', 'to \\copy, ordered', 'to \\copy, any order'], rows);
}

function printMemory(found, verdict) {
    const rows = [];
    for (const format of Object.keys(ways)) {
        for (const { range, ...runs } of found.filter((each) => each[format].length > 0))
            rows.push([`${thousands(range.rows)} payments, ${format}`,
                runs[format][0].start ? megabytes(Math.max(...runs[format].map((run) => run.start))) : '',
                megabytes(Math.max(...runs[format].map((run) => run.highest))), megabytes(peakOf(runs[format]))]);
        const growth = peakOf(found.at(-1)[format]) - peakOf(found[0][format]);
        verdict.expect(growth <= allowedGrowthKb, `${format}: the peak grew by ${megabytes(growth)} MB with the range`);
    }
    printTable('Memory of the service, and of the command (MB; the highest of all rounds)', ['', 'ready', 'RSS, sampled', 'peak (VmHWM)'], rows);
}

async function showSlowReader({ world, worlds, range, verdict, usual }) {
    const run = await streamed({ world, worlds, range, format: 'csv', slow: true })
        .catch((error) => verdict.expect(false, `a reader that stops for a while: ${error.message}`));
    if (!run) return;
    const { peak, highest, rows } = run;
    verdict.expect(peak <= usual + allowedGrowthKb, `a reader that stops for a while costs ${megabytes(peak - usual)} MB`);
    printTable('A reader that stops for 5 s after 5 MB', ['', 'RSS, sampled', 'peak (VmHWM)'],
        [[`${thousands(rows)} payments, csv`, megabytes(highest), megabytes(peak)]]);
}
