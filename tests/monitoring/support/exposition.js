// Prometheus's text format 0.0.4, read.

/** Family name to `{help, type, series: [{name, labels, value}]}`. */
export function readExposition(text) {
    const families = new Map();
    let family;
    for (const line of text.split('\n').filter(Boolean)) {
        const [, kind, name, rest] = line.match(/^# (HELP|TYPE) (\S+) (.*)$/) ?? [];
        if (kind === 'HELP') families.set(name, (family = { help: rest, type: undefined, series: [] }));
        else if (kind === 'TYPE') families.get(name).type = rest;
        else family.series.push(readSeries(line));
    }
    return families;
}

function readSeries(line) {
    const [, name, pairs = '', value] = line.match(/^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/);
    const labels = [...pairs.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]);
    return { name, labels: Object.fromEntries(labels), value: Number(value) };
}
