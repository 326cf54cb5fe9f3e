// Figures and the tables they are printed in.

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** The value below which `part` of them are, nearest rank. */
export function percentile(values, part) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)];
}

export const median = (values) => percentile(values, 0.5);

export const thousands = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ',');
export const megabytes = (kilobytes) => (kilobytes / 1024).toFixed(1);

/** Prints rows of texts under a heading; columns but the first are set to the right. */
export function printTable(title, heading, rows) {
    const all = [heading, ...rows];
    const widths = heading.map((_, column) => Math.max(...all.map((row) => String(row[column] ?? '').length)));
    console.log(`\n${title}`);
    for (const row of all) {
        const cells = row.map((cell, column) => {
            const text = String(cell ?? '');
            return column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]);
        });
        console.log(`  ${cells.join('  ')}`.trimEnd());
    }
}

/** What must not be, said once. */
export class Verdict {
    offences = [];

    expect(holds, sentence) {
        if (!holds) this.offences.push(sentence);
        return holds;
    }

    print() {
        console.log('');
        for (const each of this.offences) console.log(`OFFENCE ${each}`);
        console.log(`offences  ${this.offences.length}`);
    }
}
