// What the customers' requests say of an outage: how long it was, what it was answered with, and how long it made somebody wait.

const isGood = ({ status }) => status === 200 || status === 201;
/** Not Clink's fault, and not a record that is behind. */
const isOutage = ({ status, code }) => status === undefined || code === 'database_unavailable';

/** Creates that ended after `since`, of one replica, as they ended. */
function createsOf(answers, replica, since) {
    return answers
        .filter((each) => each.kind === 'create' && each.replica === replica && each.ended >= since)
        .sort((a, b) => a.ended - b.ended);
}

/**
 * Of one replica after the fault at `since`, in seconds: `outage` from the first create that failed for want of a database to the
 * first that was answered after the last of them; `silence`, the longest time without a create that was answered; `slowest` request of any kind;
 * `recovered`, from the fault to that first answer (0 where no create failed and none took long).
 */
export function outageOf(answers, replica, since) {
    const creates = createsOf(answers, replica, since);
    const good = creates.filter(isGood);
    const failed = creates.filter(isOutage);
    const lastFailure = failed.at(-1)?.ended ?? since;
    const back = good.find(({ ended }) => ended >= lastFailure)?.ended ?? Infinity;
    const moments = [since, ...good.map(({ ended }) => ended)];
    const gaps = moments.slice(1).map((at, i) => at - moments[i]);
    const longest = gaps.indexOf(Math.max(...gaps));
    const slowest = answers.filter((each) => each.replica === replica && each.ended >= since).map(({ began, ended }) => ended - began);
    return {
        outage: failed.length === 0 ? 0 : (back - failed[0].ended) / 1000,
        silence: gaps[longest] / 1000,
        recovered: (moments[longest + 1] - since) / 1000,
        slowest: Math.max(...slowest) / 1000,
    };
}

/** How often each answer came that was no success, of all replicas and kinds, after `since`. */
export function failuresOf(answers, since) {
    const counts = new Map();
    for (const each of answers) {
        if (isGood(each) || each.ended < since) continue;
        const name = `${each.status ?? 'no answer'} ${each.code ?? ''}`.trim();
        counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** Requests a second of one kind that were answered well, in the `seconds` before `until`. */
export function rateOf(answers, kind, until, seconds) {
    const from = until - seconds * 1000;
    return answers.filter((each) => each.kind === kind && isGood(each) && each.ended >= from && each.ended < until).length / seconds;
}

const shown = (seconds) => (Number.isFinite(seconds) ? seconds.toFixed(1) : 'never');
const both = (pair) => pair.map(shown).join(' / ');

const columns = [
    ['scenario', ({ name }) => name],
    ['creates/s before', ({ rate }) => rate.toFixed(0)],
    ['new primary after, s', ({ writableAfter }) => (writableAfter === undefined ? '–' : shown(writableAfter))],
    ['no create answered for, s (a / b)', ({ outages }) => both(outages.map(({ silence }) => silence))],
    ['failing for, s (a / b)', ({ outages }) => both(outages.map(({ outage }) => outage))],
    ['slowest answer, s (a / b)', ({ outages }) => both(outages.map(({ slowest }) => slowest))],
    ['unready for, s (a / b)', ({ unready }) => both(unready)],
    ['acknowledged sessions, lost', ({ verdict }) => `${verdict.acknowledged}, ${verdict.lostSessions}`],
    ['acknowledged payments, lost', ({ verdict }) => `${verdict.acknowledgedPayments}, ${verdict.lostPayments}`],
];

export function table(results) {
    const rows = [columns.map(([title]) => title), columns.map(() => '---')];
    for (const result of results) rows.push(columns.map(([, cell]) => cell(result)));
    return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
