// The JSON Schema for editors, made from the schema that the daemon itself checks with. Editors see types, names and unknown keys;
// what needs thought (addresses, names, contradictions) is left to `backwalk check`.
import * as Schema from "effect/Schema"
import { FileSchema } from "./file-schema.ts"

export const configJsonSchema = (): Readonly<Record<string, unknown>> => {
  const { schema, definitions } = Schema.toJsonSchemaDocument(FileSchema, { onExcessProperty: "error" })
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Backwalk configuration",
    ...schema,
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
  }
}
