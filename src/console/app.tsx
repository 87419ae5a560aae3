/**
 * The console's frame and its addresses. Everything behind the door needs `GET /me` to answer; a 401 at any time leads to
 * the sign-in page, which leads back. Mantine's run-time style elements are off: see theme.ts.
 */
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Redirect, Route, Router, Switch, useLocation } from "wouter";
import type { CaseId, SiteId } from "../contract/ids.ts";
import { isOnlyCustomer } from "./buttons.ts";
import { ClientFault } from "./client.ts";
import { LanguageProvider, useWords } from "./language.tsx";
import { Head } from "./parts/head.tsx";
import { Loaded } from "./parts/loaded.tsx";
import { useMe } from "./queries.ts";
import { AppealsScreen } from "./screens/appeals.tsx";
import { BansScreen, SiteBansScreen } from "./screens/bans.tsx";
import { CaseScreen } from "./screens/case.tsx";
import { EdgesScreen } from "./screens/edges.tsx";
import { Frame } from "./screens/frame.tsx";
import { IncidentScreen } from "./screens/incident.tsx";
import { IncidentsScreen, SiteIncidentsScreen } from "./screens/incidents.tsx";
import { LogScreen } from "./screens/log.tsx";
import { OverviewScreen } from "./screens/overview.tsx";
import { PeopleScreen } from "./screens/people.tsx";
import { QueueScreen } from "./screens/queue.tsx";
import { SignInScreen } from "./screens/sign-in.tsx";
import { SiteAddScreen } from "./screens/site-add.tsx";
import { SiteCertificatesScreen } from "./screens/site-certificates.tsx";
import { SiteHistoryScreen } from "./screens/site-history.tsx";
import { SiteLeaveScreen } from "./screens/site-leave.tsx";
import { SiteMembersScreen } from "./screens/site-members.tsx";
import { SiteNotificationsScreen } from "./screens/site-notifications.tsx";
import { SiteOverviewScreen } from "./screens/site-overview.tsx";
import { SiteProtectionScreen } from "./screens/site-protection.tsx";
import { SiteSettingsScreen } from "./screens/site-settings.tsx";
import { SiteSetupScreen } from "./screens/site-setup.tsx";
import { SitesScreen } from "./screens/sites.tsx";
import { WaitingScreen } from "./screens/waiting.tsx";
import { WelcomeScreen } from "./screens/welcome.tsx";
import { THEME } from "./theme.ts";

const queries = new QueryClient({
  queryCache: new QueryCache({
    // A session that ends while a screen is open is noticed by whichever read comes first.
    onError: (error, query) => {
      if (error instanceof ClientFault && error.code === "auth.required" && query.queryKey[0] !== "me")
        void queries.invalidateQueries({ queryKey: ["me"] });
    },
  }),
  defaultOptions: {
    queries: {
      // A refusal will not change by asking again; only a silent server is worth a second try.
      retry: (count, error) => error instanceof ClientFault && error.code === "offline" && count < 2,
      refetchOnWindowFocus: true,
    },
  },
});

function NotFound() {
  return <Head title={useWords().fault.notFoundPage} />;
}

const SITE_SCREENS: Readonly<Record<string, (props: { readonly siteId: SiteId }) => ReactNode>> = {
  overview: SiteOverviewScreen,
  setup: SiteSetupScreen,
  protection: SiteProtectionScreen,
  incidents: SiteIncidentsScreen,
  bans: SiteBansScreen,
  notifications: SiteNotificationsScreen,
  history: SiteHistoryScreen,
  certificates: SiteCertificatesScreen,
  members: SiteMembersScreen,
  leave: SiteLeaveScreen,
};

function SiteScreen({ siteId, tab }: { readonly siteId: SiteId; readonly tab: string }) {
  const Screen = Object.hasOwn(SITE_SCREENS, tab) ? SITE_SCREENS[tab] : undefined;
  return Screen === undefined ? <NotFound /> : <Screen siteId={siteId} />;
}

function Inside() {
  const me = useMe();
  const [location] = useLocation();
  if (me.error?.code === "auth.required")
    return <Redirect to={`/sign-in?to=${encodeURIComponent(location)}`} replace />;
  return (
    <Loaded query={me}>
      {(who) =>
        // Somebody who came by a one-time link can do nothing before the account is complete.
        !who.secondFactor ? (
          <Redirect to="/welcome" replace />
        ) : (
          <Frame me={who}>
            <Switch>
              <Route path="/">
                {isOnlyCustomer(who) ? <Redirect to="/sites" replace /> : <OverviewScreen />}
              </Route>
              <Route path="/queue" component={QueueScreen} />
              <Route path="/cases/:caseId/:act?">
                {({ caseId, act }) => <CaseScreen key={caseId} caseId={caseId as CaseId} act={act ?? null} />}
              </Route>
              <Route path="/waiting" component={WaitingScreen} />
              <Route path="/appeals" component={AppealsScreen} />
              <Route path="/sites" component={SitesScreen} />
              <Route path="/sites/add" component={SiteAddScreen} />
              {/* One screen for all parts of the settings, so that a draft outlives going from part to part. */}
              <Route path="/sites/:siteId/settings/:part?">
                {({ siteId, part }) => (
                  <SiteSettingsScreen key={siteId} siteId={siteId as SiteId} part={part ?? null} />
                )}
              </Route>
              <Route path="/sites/:siteId/incidents/:incidentId">
                {({ siteId, incidentId }) => (
                  <IncidentScreen key={incidentId} siteId={siteId as SiteId} incidentId={incidentId} />
                )}
              </Route>
              <Route path="/sites/:siteId/:tab?">
                {({ siteId, tab }) => (
                  <SiteScreen key={siteId} siteId={siteId as SiteId} tab={tab ?? "overview"} />
                )}
              </Route>
              <Route path="/incidents" component={IncidentsScreen} />
              <Route path="/bans" component={BansScreen} />
              <Route path="/edges" component={EdgesScreen} />
              <Route path="/people" component={PeopleScreen} />
              <Route path="/log" component={LogScreen} />
              <Route component={NotFound} />
            </Switch>
          </Frame>
        )
      }
    </Loaded>
  );
}

export function App() {
  return (
    <MantineProvider
      theme={THEME}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queries}>
        <LanguageProvider>
          <Notifications position="bottom-right" limit={3} />
          <Router base="/console">
            <Switch>
              <Route path="/sign-in" component={SignInScreen} />
              <Route path="/welcome" component={WelcomeScreen} />
              <Route>
                <Inside />
              </Route>
            </Switch>
          </Router>
        </LanguageProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
