// Writes currency_table.inc to standard output from `data/codes-all.csv` of the public repository
// datasets/currency-codes (public domain), which follows the lists of ISO 4217's maintenance agency month by month.
//
//     node generate_currency_table.mjs codes-all.csv \
//         "commit ab9b0ae of 2026-02-01 (ISO's list one of 2026-01-01)" > currency_table.inc
//
// The second argument says which version the file is and goes into the table's head. The npm package currency-codes
// (2.2.0) is not the source because it stops at the list of 2024: no XCG, still BGN, and 0 digits for gold.
import { readFileSync } from "node:fs";

const [path, version] = process.argv.slice(2);
if (!path || !version) {
    console.error('usage: node generate_currency_table.mjs <codes-all.csv> "<version of the file>"');
    process.exit(2);
}

/** One line of CSV: fields are bare or quoted, a quote inside quotes is doubled. */
function split(line) {
    const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)];
    return fields.map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare);
}

const [head, ...rows] = readFileSync(path, "utf8").trim().split(/\r?\n/).map(split);
const column = (name) => {
    const index = head.indexOf(name);
    if (index < 0) throw new Error(`no column ${name}`);
    return index;
};
const code = column("AlphabeticCode");
const digits = column("MinorUnit");
const withdrawn = column("WithdrawalDate");

const table = new Map();
for (const row of rows) {
    if (row.length !== head.length) throw new Error(`not ${head.length} fields: ${row.join("|")}`);
    if (row[withdrawn] !== "" || !/^\d$/.test(row[digits])) continue;
    if (!/^[A-Z]{3}$/.test(row[code])) throw new Error(`not a currency code: ${row[code]}`);
    if (table.has(row[code]) && table.get(row[code]) !== row[digits])
        throw new Error(`two minor units for ${row[code]}`);
    table.set(row[code], row[digits]);
}

console.log(`// ISO 4217: the ${table.size} active codes with a minor unit. Not to be edited: generate_currency_table.mjs makes it.
// Source: datasets/currency-codes, data/codes-all.csv,
// ${version}.`);
for (const [name, count] of [...table].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`{"${name}", ${count}},`);
