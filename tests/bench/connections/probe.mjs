// A process that asks the admin listener every 100 ms whether the service lives and is ready, as a kubelet does: apart from those who
// make the storm, so that it measures the service and not them. Says what it found when it is told to end.
import { exchange } from '../../e2e/support/http.js';
import { pause } from '../finance/figures.mjs';

const found = { '/livez': { times: [], bad: 0 }, '/readyz': { times: [], bad: 0 } };
let over = false;

async function ask(base, path) {
    while (!over) {
        const began = performance.now();
        const { status } = await exchange(base, { path });
        found[path].times.push(performance.now() - began);
        if (status !== 200) found[path].bad++;
        await pause(100);
    }
}

process.on('message', async (message) => {
    if (message === 'end') {
        over = true;
        return;
    }
    await Promise.all(Object.keys(found).map((path) => ask(message.base, path)));
    process.send(found, () => process.exit(0));
});
