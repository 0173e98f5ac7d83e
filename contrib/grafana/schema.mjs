// Holds the dashboards against Grafana's own schema: the types of @grafana/schema, of the release named here, made into JSON Schema. Nothing that these types do
// not know is let through, but where they leave it open (queries; annotations' queries, which are the data sources' own).
//
//     node contrib/grafana/schema.mjs FOLDER      FOLDER has node_modules with the packages below; scripts/check-ops.sh makes it in the user's cache
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.resolve(process.argv[2] ?? '.');
const need = createRequire(path.join(folder, 'index.js'));
const { createGenerator } = need('ts-json-schema-generator');
const Ajv = need('ajv').default ?? need('ajv');
const types = path.join(folder, 'node_modules/@grafana/schema/dist/types/raw');
const open = new Set(['AnnotationQuery', 'AnnotationTarget']);

function schema(file, type) {
  const made = createGenerator({ path: path.join(types, file), type, skipTypeCheck: true, expose: 'all', additionalProperties: false }).createSchema(type);
  for (const name of open) {
    const definition = made.definitions[name];
    if (definition) {
      definition.additionalProperties = true;
      delete definition.required;
    }
  }
  return new Ajv({ strict: false, allErrors: true, allowUnionTypes: true, validateFormats: false }).compile(made);
}

// Of a panel's options and custom fields the types name all; what is left out has its default.
const partial = (validate, value, where) => {
  validate(value);
  return (validate.errors ?? []).filter((e) => e.keyword !== 'required').map((e) => `${where}${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`);
};

const dashboard = schema('dashboard/x/types.gen.d.ts', 'Dashboard');
const kinds = new Map();
const kind = (name) => {
  if (!kinds.has(name)) {
    const file = `composable/${name}/panelcfg/x/types.gen.d.ts`;
    const text = fs.existsSync(path.join(types, file)) ? fs.readFileSync(path.join(types, file), 'utf8') : '';
    const has = (type) => new RegExp(`export (interface|type) ${type}\\b`).test(text);
    kinds.set(name, { options: has('Options') && schema(file, 'Options'), custom: has('FieldConfig') && schema(file, 'FieldConfig') });
  }
  return kinds.get(name);
};

const here = path.join(path.dirname(fileURLToPath(import.meta.url)), 'dashboards');
let wrong = 0;
for (const file of fs.readdirSync(here).filter((name) => name.endsWith('.json'))) {
  const board = JSON.parse(fs.readFileSync(path.join(here, file), 'utf8'));
  const said = dashboard(board) ? [] : dashboard.errors.map((e) => `${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`);
  for (const panel of board.panels) {
    const { options, custom } = kind(panel.type);
    if (options) said.push(...partial(options, panel.options, `${panel.title}: options`));
    if (custom) said.push(...partial(custom, panel.fieldConfig.defaults.custom ?? {}, `${panel.title}: custom`));
  }
  for (const one of said) console.error(`${file}: ${one}`);
  wrong += said.length;
}
if (wrong === 0) console.log(`the dashboards are as Grafana's schema wants them (${[...kinds.keys()].sort().join(', ')})`);
process.exit(wrong === 0 ? 0 : 1);
