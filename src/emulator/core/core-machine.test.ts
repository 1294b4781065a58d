/** The core against the machine contract. */
import { describeMachine } from "../contract/machine-contract.ts";
import { CoreMachine } from "./core-machine.ts";

describeMachine("the core", (options) => CoreMachine.create(options));
