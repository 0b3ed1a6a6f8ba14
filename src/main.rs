//! Pluginry. 
fn main(){}
