import { SystemdNotify } from "../../edge/systemd-notify.ts";
import { describeNotify } from "../support/systemd-notify-cases.ts";

describeNotify("the edge", SystemdNotify);
