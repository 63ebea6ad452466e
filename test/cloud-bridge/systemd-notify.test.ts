import { SystemdNotify } from "../../cloud-bridge/systemd-notify.ts";
import { describeNotify } from "../support/systemd-notify-cases.ts";

describeNotify("the bridge", SystemdNotify);
