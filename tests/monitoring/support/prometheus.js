// A real Prometheus as a process, which scrapes what it is told and evaluates deploy/monitoring/rules/*.yml as they are.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

import { eventually, freePort } from '../../e2e/support/environment.js';
import { exchange } from '../../e2e/support/http.js';
import { ChildProcess } from '../../e2e/support/process.js';
import { rulesFiles } from './documents.js';

export class Prometheus {
    /** `targets`: admin listeners, `host:port`. Awaits its readiness. */
    static async start(targets, { seconds = 2, externalLabels = {} } = {}) {
        const prometheus = new Prometheus();
        prometheus.directory = mkdtempSync(join(tmpdir(), 'clink-checkout-prometheus.'));
        const config = join(prometheus.directory, 'prometheus.yml');
        const interval = `${seconds}s`;
        writeFileSync(config, stringify({
            global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval, external_labels: externalLabels },
            rule_files: rulesFiles,
            scrape_configs: [{ job_name: 'clink-checkout', static_configs: [{ targets }] }],
        }));
        const port = await freePort();
        prometheus.base = `http://127.0.0.1:${port}`;
        prometheus.process = new ChildProcess('prometheus', 'prometheus', [
            `--config.file=${config}`, `--storage.tsdb.path=${join(prometheus.directory, 'data')}`, `--web.listen-address=127.0.0.1:${port}`,
        ]);
        await eventually('Prometheus is ready', async () => {
            if (prometheus.process.exit) throw new Error(`Prometheus ended:\n${prometheus.process.stderr}`);
            const answer = await exchange(prometheus.base, { path: '/-/ready' }).catch(() => undefined);
            return answer?.status === 200;
        }, 60);
        return prometheus;
    }

    async #api(path) {
        const { status, text } = await exchange(this.base, { path: `/api/v1/${path}` });
        if (status !== 200) throw new Error(`Prometheus: ${path}: ${status} ${text}`);
        return JSON.parse(text).data;
    }

    /** Its series: `[{metric, value}]`. */
    async query(expr) {
        return (await this.#api(`query?${new URLSearchParams({ query: expr })}`)).result;
    }

    /** Alerts that fire, by name. */
    async firing() {
        const { alerts } = await this.#api('alerts');
        return new Map(alerts.filter(({ state }) => state === 'firing').map((alert) => [alert.labels.alertname, alert]));
    }

    /** Awaits the alerts firing; gives them by name. */
    fires(names, seconds) {
        return eventually(`${names} fire`, async () => {
            const firing = await this.firing();
            return names.every((name) => firing.has(name)) && firing;
        }, seconds);
    }

    /** Awaits that none of the alerts fires. */
    ends(names, seconds) {
        return eventually(`${names} end`, async () => {
            const firing = await this.firing();
            return !names.some((name) => firing.has(name));
        }, seconds);
    }

    async stop() {
        await this.process.stop();
        rmSync(this.directory, { recursive: true, force: true });
    }
}
