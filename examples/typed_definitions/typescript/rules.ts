// Made by corral codegen; the next run overwrites it.
/** By job type, what its payload must be. Made for validation.ts; see there. */

import type { Rules } from "./validation.js";

export const RULES: { readonly [jobType: string]: Rules } = {
  "database.clean": { "": true },
  "email.welcome": {
    "": {
      required: ["to", "name"],
      type: ["object"],
      properties: {
        to: {
          taken: { type: ["string"], pattern: { javascript: "^[^@\\s]+@[^@\\s]+$", ascii: true } },
          says: "text that matches ^[^@\\s]+@[^@\\s]+$",
        },
        name: {
          minLength: 1,
          maxLength: 100,
          type: ["string"],
          says: "text of 1 to 100 characters",
        },
        language: { type: ["string"], enum: ["de", "en", "fr"], says: "\"de\", \"en\" or \"fr\"" },
        signed_up_at: {
          anyOf: [
            {
              taken: { format: "date-time", type: ["string"] },
              says: "a date and time such as 2030-01-31T09:00:00Z",
            },
            { type: ["null"], says: "null" },
          ],
          says: "a date and time such as 2030-01-31T09:00:00Z or null",
        },
      },
      additionalProperties: false,
      says: "an object (SignUp)",
    },
  },
};
