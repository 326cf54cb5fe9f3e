// What deploy/monitoring holds, read: rules, their unit tests, the dashboard, the runbook, the catalogue of metrics.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

import { projectDirectory } from '../../e2e/support/environment.js';

export const monitoringDirectory = join(projectDirectory, 'deploy/monitoring');
const filesOf = (directory, pattern) =>
    readdirSync(directory).filter((name) => pattern.test(name)).sort().map((name) => join(directory, name));

export const rulesFiles = filesOf(join(monitoringDirectory, 'rules'), /\.yml$/);
export const ruleTestFiles = filesOf(monitoringDirectory, /^rules_test_\w+\.yml$/);

const read = (name) => readFileSync(join(monitoringDirectory, name), 'utf8');

export const ruleGroups = rulesFiles.flatMap((file) => parse(readFileSync(file, 'utf8')).groups);
export const rules = ruleGroups.flatMap(({ rules }) => rules);
export const alerts = rules.filter(({ alert }) => alert);
export const recorded = rules.filter(({ record }) => record);
export const alertNames = [...new Set(alerts.map(({ alert }) => alert))];
export const ruleTests = ruleTestFiles.flatMap((file) => parse(readFileSync(file, 'utf8')).tests);
export const dashboard = JSON.parse(read('dashboard.json'));
export const runbook = read('runbook.md');

/** Rows of README.md's table whose header begins with `first`: arrays of cells. */
function tableOf(first) {
    const lines = read('README.md').split('\n');
    const begin = lines.findIndex((line) => line.startsWith(`| ${first} |`));
    if (begin < 0) throw new Error(`README.md has no table that begins with ${first}`);
    const end = lines.findIndex((line, index) => index > begin && !line.startsWith('|'));
    return lines.slice(begin + 2, end).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}
const words = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word);

/** The metrics of README.md: name to `{type, labels, help, values}`; `values` has a label's closed set where it is listed. */
export const catalogue = new Map(
    tableOf('metric').map(([name, type, labels, help]) => [words(name)[0], { type, labels: words(labels), help, values: {} }]),
);
for (const [names, label, values] of tableOf('of'))
    for (const name of words(names)) catalogue.get(name).values[words(label)[0]] = words(values);

/** What rules and dashboard use of others: kube-state-metrics and Prometheus itself. */
export const foreign = new Map(
    tableOf('from').flatMap(([, names, labels]) => words(names).map((name) => [name, { labels: words(labels), values: {} }])),
);

/** The dashboard's queries, of panels within rows too: `{title, expr}`, with Grafana's variables as given in `variables`. */
export function dashboardQueries() {
    const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
    return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr: withoutVariables(expr) })));
}

export const withoutVariables = (expr) =>
    expr.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h').replaceAll('$namespace', 'shop').replaceAll('$job', 'clink-checkout');
