/** Where the browser begins: the styles, then the console in its page. */
import { createRoot } from "react-dom/client";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "virtual:theme.css";
import "./console.css";
import { App } from "./app.tsx";

const root = document.getElementById("console");
if (root === null) throw new Error("The page lacks its #console element");
createRoot(root).render(<App />);
