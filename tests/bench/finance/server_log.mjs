// What PostgreSQL's log tells of the service's statements: plans (auto_explain), and what was run on each connection.
import { createReadStream, statSync } from 'node:fs';

import { connect } from '../../e2e/support/database.js';

/** What makes a role's new connections tell. */
export const telling = {
    session_preload_libraries: 'auto_explain', 'auto_explain.log_min_duration': '0', 'auto_explain.log_analyze': 'on',
    'auto_explain.log_timing': 'off', 'auto_explain.log_format': 'json', log_min_duration_statement: '0',
};

/** The entries from now on: `{pid, database, ms, text}` with `plan`, or with `values`, SQL literals, of a statement that was run. */
export class ServerLog {
    constructor(file) {
        this.file = file;
        this.offset = statSync(file).size;
    }

    async read() {
        const chunks = [];
        for await (const chunk of createReadStream(this.file, { start: this.offset })) chunks.push(chunk);
        const text = Buffer.concat(chunks);
        this.offset += text.length;
        const entries = [];
        for (const each of text.toString('utf8').split(/^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/m)) {
            const [, pid, database, level, rest] = /^\S+ \S+ \S+ \[(\d+)\] [^@]*@(\S*) (\w+): {2}(.*)$/s.exec(each) ?? [];
            const said = rest?.replaceAll('\n\t', '\n').trimEnd();
            if (level === 'LOG') entries.push(readEntry({ pid, database }, said));
            if (level === 'DETAIL') entries.findLast((entry) => entry?.pid === pid)?.values?.push(...readValues(said));
        }
        return entries.filter(Boolean);
    }
}

function readEntry(of, said) {
    const [, ms, what, text] = /^duration: ([\d.]+) ms {2}(plan|statement|execute [^:]*):\s(.*)$/s.exec(said) ?? [];
    if (what === undefined) return undefined;
    if (what !== 'plan') return { ...of, ms: Number(ms), text, values: [] };
    const told = JSON.parse(text);
    return { ...of, ms: Number(ms), text: told['Query Text'], plan: told.Plan };
}

const readValues = (said) => [...said.matchAll(/\$\d+ = ('(?:[^']|'')*'|NULL)/g)].map(([, literal]) => literal);

/**
 * A cursor's plan is not logged. So what its connection ran before it is run again (its transaction and its settings), and the
 * cursor's own declaration is explained: the same entry as for other statements, with the rows that the planner expects.
 */
export async function explainCursors(entries, url) {
    const explained = [];
    for (const { pid, database, text, values } of entries.filter((entry) => /^declare /i.test(entry.text) && entry.values)) {
        const client = await connect(url);
        try {
            const earlier = entries.filter((entry) => entry.pid === pid && entry.values && /^(begin|set) /i.test(entry.text));
            for (const each of earlier) await client.query(each.text);
            const declared = text.replace(/\$(\d+)/g, (_, number) => values[number - 1]);
            const { rows } = await client.query(`explain (format json) ${declared}`);
            explained.push({ pid, database, ms: 0, text, plan: rows[0]['QUERY PLAN'][0].Plan });
        } finally {
            await client.end();
        }
    }
    return explained;
}
